"""How much of a topic the features ``meaning`` see, by language.

Four topics (programs, medicine, cooking, law) with three sentences each. *Topic*: the probability that two sentences of
one topic are closer, by cosine, than two of different topics; 0.5 is chance. *Language*: the share of sentences whose
nearest other sentence is in the same language.
"""

import numpy as np

from benchmarks.evidence.paragraph import paragraph
from pointsman.core.features import CHAT_NAMES, make_extractor, view_request
from pointsman.core.features.meaning import MEANING_DIM

TEXTS: dict[str, list[list[str]]] = {
    "English": [
        [
            "Write a Python function that sorts a list",
            "Fix the bug in this program",
            "How do I connect to a database in Java?",
        ],
        [
            "Which medicine helps against fever and headache?",
            "What are the symptoms of diabetes?",
            "The patient has high blood pressure",
        ],
        ["How long do I boil potatoes?", "A recipe for chocolate cake with eggs", "Which spices go with chicken soup?"],
        [
            "Can my landlord terminate the contract?",
            "What does the court decide about damages?",
            "Is this clause of the law valid?",
        ],
    ],
    "German": [
        [
            "Schreibe eine Python-Funktion, die eine Liste sortiert",
            "Behebe den Fehler in diesem Programm",
            "Wie verbinde ich mich in Java mit einer Datenbank?",
        ],
        [
            "Welches Medikament hilft gegen Fieber und Kopfschmerzen?",
            "Was sind die Symptome von Diabetes?",
            "Der Patient hat hohen Blutdruck",
        ],
        [
            "Wie lange koche ich Kartoffeln?",
            "Ein Rezept für Schokoladenkuchen mit Eiern",
            "Welche Gewürze passen zu Hühnersuppe?",
        ],
        [
            "Darf mein Vermieter den Vertrag kündigen?",
            "Was entscheidet das Gericht über Schadenersatz?",
            "Ist diese Klausel des Gesetzes gültig?",
        ],
    ],
    "French": [
        [
            "Écris une fonction Python qui trie une liste",
            "Corrige l'erreur dans ce programme",
            "Comment me connecter à une base de données en Java ?",
        ],
        [
            "Quel médicament aide contre la fièvre et les maux de tête ?",
            "Quels sont les symptômes du diabète ?",
            "Le patient a une tension artérielle élevée",
        ],
        [
            "Combien de temps faut-il cuire les pommes de terre ?",
            "Une recette de gâteau au chocolat avec des œufs",
            "Quelles épices vont avec la soupe de poulet ?",
        ],
        [
            "Mon propriétaire peut-il résilier le contrat ?",
            "Que décide le tribunal sur les dommages et intérêts ?",
            "Cette clause de la loi est-elle valable ?",
        ],
    ],
    "Spanish": [
        [
            "Escribe una función de Python que ordene una lista",
            "Corrige el error en este programa",
            "¿Cómo me conecto a una base de datos en Java?",
        ],
        [
            "¿Qué medicamento ayuda contra la fiebre y el dolor de cabeza?",
            "¿Cuáles son los síntomas de la diabetes?",
            "El paciente tiene la presión arterial alta",
        ],
        [
            "¿Cuánto tiempo hay que hervir las patatas?",
            "Una receta de pastel de chocolate con huevos",
            "¿Qué especias van con la sopa de pollo?",
        ],
        [
            "¿Puede mi casero rescindir el contrato?",
            "¿Qué decide el tribunal sobre la indemnización?",
            "¿Es válida esta cláusula de la ley?",
        ],
    ],
    "Russian": [
        [
            "Напиши функцию на Python, которая сортирует список",
            "Исправь ошибку в этой программе",
            "Как подключиться к базе данных на Java?",
        ],
        [
            "Какое лекарство помогает от температуры и головной боли?",
            "Каковы симптомы диабета?",
            "У пациента высокое кровяное давление",
        ],
        [
            "Сколько времени варить картошку?",
            "Рецепт шоколадного торта с яйцами",
            "Какие специи подходят к куриному супу?",
        ],
        [
            "Может ли арендодатель расторгнуть договор?",
            "Что решает суд о возмещении ущерба?",
            "Действителен ли этот пункт закона?",
        ],
    ],
    "Chinese": [
        ["写一个对列表排序的Python函数", "修复这个程序中的错误", "如何用Java连接数据库？"],
        ["什么药可以治疗发烧和头痛？", "糖尿病的症状是什么？", "病人有高血压"],
        ["土豆要煮多长时间？", "用鸡蛋做巧克力蛋糕的食谱", "哪些香料适合鸡汤？"],
        ["房东可以终止合同吗？", "法院如何判决损害赔偿？", "这条法律条款有效吗？"],
    ],
    "Japanese": [
        [
            "リストを並べ替えるPythonの関数を書いてください",
            "このプログラムのバグを直してください",
            "Javaでデータベースに接続するにはどうすればいいですか？",
        ],
        ["熱と頭痛に効く薬はどれですか？", "糖尿病の症状は何ですか？", "患者は高血圧です"],
        [
            "じゃがいもはどのくらい茹でますか？",
            "卵を使ったチョコレートケーキのレシピ",
            "鶏のスープに合うスパイスは何ですか？",
        ],
        ["大家は契約を解除できますか？", "裁判所は損害賠償についてどう判断しますか？", "この法律の条項は有効ですか？"],
    ],
    "Arabic": [
        ["اكتب دالة بايثون ترتب قائمة", "أصلح الخطأ في هذا البرنامج", "كيف أتصل بقاعدة بيانات في جافا؟"],
        ["ما الدواء الذي يساعد على علاج الحمى والصداع؟", "ما هي أعراض مرض السكري؟", "المريض يعاني من ارتفاع ضغط الدم"],
        ["كم من الوقت أسلق البطاطس؟", "وصفة كعكة الشوكولاتة بالبيض", "ما هي التوابل المناسبة لحساء الدجاج؟"],
        ["هل يمكن للمالك إنهاء العقد؟", "ماذا تقرر المحكمة بشأن التعويض؟", "هل هذا البند من القانون صالح؟"],
    ],
    "Hindi": [
        ["एक पायथन फ़ंक्शन लिखें जो सूची को क्रमबद्ध करे", "इस प्रोग्राम में त्रुटि ठीक करें", "जावा में डेटाबेस से कैसे जुड़ें?"],
        ["बुखार और सिरदर्द में कौन सी दवा मदद करती है?", "मधुमेह के लक्षण क्या हैं?", "मरीज़ को उच्च रक्तचाप है"],
        ["आलू कितनी देर उबालें?", "अंडे के साथ चॉकलेट केक की रेसिपी", "चिकन सूप में कौन से मसाले डालें?"],
        ["क्या मकान मालिक अनुबंध समाप्त कर सकता है?", "अदालत हर्जाने के बारे में क्या फैसला करती है?", "क्या कानून की यह धारा मान्य है?"],
    ],
}


def page(_: int | None = None) -> str:
    """Return the page of the results; nothing in it is random."""
    extractor = make_extractor("meaning", MEANING_DIM)
    texts = [text for groups in TEXTS.values() for group in groups for text in group]
    views = [view_request({"messages": [{"role": "user", "content": text}]}, "openai") for text in texts]
    x = np.array([extractor.extract(view)[len(CHAT_NAMES) :] for view in views])
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    languages, topics = np.repeat(np.arange(len(TEXTS)), 12), np.tile(np.repeat(np.arange(4), 3), len(TEXTS))
    cosine = x @ x.T
    np.fill_diagonal(cosine, -2.0)
    nearest = languages[cosine.argmax(axis=1)]
    lines = [
        "# Evidence: the features `meaning` by language",
        "",
        *paragraph(
            "Four topics (programs, medicine, cooking, law) with three sentences each. *Topic*: the probability "
            "that two sentences of one topic are closer, by cosine, than two of different topics; 0.5 is chance. "
            "*Language*: the share of sentences whose nearest other sentence is in the same language. *Same "
            "topic*, *other topic*: mean cosine."
        ),
        "| language | same topic | other topic | topic | language |",
        "|---|---:|---:|---:|---:|",
    ]
    for at, name in enumerate(TEXTS):
        mine = languages == at
        inside, topic = cosine[np.ix_(mine, mine)], topics[mine]
        other_text = ~np.eye(12, dtype=bool)
        same = inside[(topic[:, None] == topic) & other_text]
        other = inside[topic[:, None] != topic]
        auc = float(np.mean(same[:, None] > other))
        shares = f"{auc:.2f} | {np.mean(nearest[mine] == at):.2f}"
        lines.append(f"| {name} | {same.mean():.2f} | {other.mean():.2f} | {shares} |")
    return "\n".join(lines) + "\n"
