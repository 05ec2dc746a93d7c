"""Twelve features of a chat request: its structure, and the words of the last user text.

Each is 0 to 1. They are counts, without a tokenizer or an embedding model. A usual request takes about 0.05 ms, and no
request more than about a millisecond, because only an `excerpt` of 4,000 characters of a text is read.

============== =======================================================================================================
name           what it measures; the value at which it is 1
============== =======================================================================================================
bias           always 1: the intercept of the linear models
tokens         the estimated length of the whole request, on a log scale; 32,000 tokens
turns          how often the user wrote, on a log scale, 0 for once; 20 times
tools          the tools that are offered, on a log scale; 20
agentic        how far the use of tools is under way: 0.5 and more once a tool has answered; 16 answers. Before that,
               words as "run", "files", "commit"; 0.5 for 8 of them
streaming      1 when the answer is streamed, as it is where a person waits for it
form           how far the form of the answer is given: 1 for JSON or a required tool, else marked options to choose
               from, as ``(A)``, ``(2)`` or ``Option 1:``; 5
code           words of programming, and twice its marks, as ``=>`` and ``()``, also in what a tool just answered; 8
risk           words of law, medicine, money, safety and security; 4
question       how narrow an answer the text ends by asking for: 0 no question, 0.7 why or how, 0.8 what or who, 0.9 how
               many, 1 yes or no
reasoning      "explain", "why", "prove", "step by step"; 4. Or the effort that the request itself asks for
numbers        numbers and words of arithmetic per word; one in 3
============== =======================================================================================================

A word counts once per text, so that a long text does not saturate every feature; marks and numbers count each time. The
features of a version never change their meaning, because the learned state depends on them. A change needs a new
version and new tiers.
"""

import math
import re
from collections import Counter

from pointsman.core.features.chat_words import AGENTIC, CODE, KIND, QUANTITY, REASONING, RISK
from pointsman.core.features.request_view import RequestView, excerpt

CHAT_FEATURES_VERSION = 1

CHAT_NAMES = (
    "bias",
    "tokens",
    "turns",
    "tools",
    "agentic",
    "streaming",
    "form",
    "code",
    "risk",
    "question",
    "reasoning",
    "numbers",
)
"""The features in the order of the vector."""

LONGEST_RESULT = 1_000
"""Number of characters of a tool result that are searched for code."""

MANY_TOKENS = 32_000
MANY_TURNS = 20
MANY_TOOLS = 20
MANY_RESULTS = 16
_LAST_WORDS = 300
"""Number of characters at the end of a text that are searched for a question."""

_WORD = re.compile(r"[a-z]+")
_NUMBER = re.compile(r"\d+")
_CHOICE = re.compile(r"(?:^|[\s,:])(?:\(?[a-z1-9]\)|[a-h][.:]|option \d:|- (?:yes|no)\b)\s", re.MULTILINE)
_QUESTION = re.compile(
    # begins with the letters, because a search for them is faster than for the edge of a word
    r"[hw](?<=\b[hw])(?:(?<=h)ow(?: (?:many|much|far|long|old|tall|often))?|(?<=w)h(?:y|at|ich|om?|ose|en|ere))\b"
)
_CODE_MARKS = {"```": "`", "{": "{", "};": "}", "()": "(", "==": "=", "=>": "=", "->": ">", "</": "<", "!=": "!"} | {
    word: word for word in ("def ", "self.", "import ")
}
"""Marks of code, each with what is looked for before it is counted, which is slower."""
_MAYBE_CHOICE = re.compile(r"[.:)](?<=\b[a-z1-9][.:)])\s")
"""Found in every text with a `_CHOICE` that is a letter or digit, and faster to look for."""
_DIGITS = "0123456789"


def chat_features(view: RequestView) -> list[float]:
    """Return the twelve features of a request, in the order of `CHAT_NAMES`."""
    text = excerpt(view.last_user_text).lower()
    words = _WORD.findall(text)
    topics = Counter(filter(None, map(KIND.get, set(words))))
    code = topics[CODE] + 2 * _code_marks(text)
    if view.tool_result_last:
        code += 2 * _code_marks(view.latest_text[:LONGEST_RESULT])
    reasoning = topics[REASONING] + text.count("step by step")
    numbers = _numbers(text) + topics[QUANTITY]
    features = (
        1.0,
        math.log1p(view.tokens) / math.log1p(MANY_TOKENS),
        math.log(max(view.turns, 1)) / math.log(MANY_TURNS),
        math.log1p(view.tools) / math.log1p(MANY_TOOLS),
        _agentic(view, topics[AGENTIC]),
        float(view.stream),
        1.0 if view.json_mode else _choices(text) / 5.0,
        code / 8.0,
        topics[RISK] / 4.0,
        _question(text),
        max(reasoning / 4.0, view.effort),
        numbers * 3.0 / max(len(words), 1),
    )
    return [min(value, 1.0) for value in features]


def _agentic(view: RequestView, words: int) -> float:
    if view.tool_results:
        return 0.5 + 0.5 * math.log(view.tool_results) / math.log(MANY_RESULTS)
    return min(words / 16.0, 0.5)


def _code_marks(text: str) -> int:
    return sum([text.count(mark) for mark, rare in _CODE_MARKS.items() if rare in text])


def _numbers(text: str) -> int:
    if text.isascii() and not any(map(text.__contains__, _DIGITS)):
        return 0
    return len(_NUMBER.findall(text))


def _choices(text: str) -> int:
    if _MAYBE_CHOICE.search(text) or "option " in text or "- yes" in text or "- no" in text:
        return len(_CHOICE.findall(text))
    return 0


def _question(text: str) -> float:
    end = text[-_LAST_WORDS:].rstrip()
    if not end.endswith("?"):
        return 0.0
    asks = _QUESTION.findall(end)
    if not asks:
        return 1.0
    if asks[-1] in ("why", "how"):
        return 0.7
    return 0.9 if asks[-1].startswith("how ") else 0.8
