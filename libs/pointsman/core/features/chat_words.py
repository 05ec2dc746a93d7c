"""English words that `pointsman.core.features.chat` counts, by topic.

Each word has one topic. The lists are part of a version of the features: a change needs a new version.
"""

CODE, RISK, AGENTIC, REASONING, QUANTITY = range(1, 6)
"""Topics."""

_WORDS = {
    CODE: """
        algorithm api array async bash boolean bug class code codebase compile compiler const constructor css
        database dataframe debug def deploy dict docker elif endpoint enum exception function git golang graphql
        html http import int integer java javascript json kotlin kubernetes lambda lint linux list loop method
        module mypy namespace node null numpy pandas param parser php postgres program programming pytest python
        query react recursion recursive refactor regex repo return ruby rust schema script shell sql stderr
        stdout string struct subprocess substring swift syntax traceback tuple typescript undefined unittest url
        variable void xml yaml
        """,
    RISK: """
        allergic allergy antibiotic arrest attorney audit bankruptcy breach cancer clinical compliance
        confidential contract contraindication court credit criminal dangerous death debt delete depression
        diagnose diagnosis disease dosage dose drug drugs emergency fatal finance financial fraud gdpr hazard
        hipaa hospital illegal infection injury insurance invest investment irreversible lawsuit lawyer legal
        liability litigation loan malpractice medical medication medicine mortgage overdose passport password
        patient patients payment pension pii poison pregnancy pregnant prescription privacy production
        prosecution regulation regulatory risk safety secret securities security sue suicide surgery symptom
        symptoms tax taxes therapy toxic transaction treatment tumor vulnerability weapon
        """,
    AGENTIC: """
        agent agents autonomous autonomously browse browser cli click commit delegate directory execute fetch
        file files folder implement install iterate launch merge migrate migration monitor navigate orchestrate
        pipeline plan project pull readme repository retry run scan search subagent subtask subtasks task tasks
        terminal todo tool tools upgrade upload verify workflow workspace
        """,
    REASONING: """
        analyse analysis analyze argue assess because carefully cause compare conclude consequence consider
        contrast counterexample critique deduce derive detail detailed discuss effect estimate evaluate evidence
        explain explanation hypothesis implication implications imply infer justify logic logical optimal proof
        prove rationale reason reasoning strategy theorem therefore think thorough tradeoff tradeoffs understand
        why
        """,
    QUANTITY: """
        altogether average calculate cent cents compute cost costs day days divide dollar dollars double each
        earn earns equation fewer half hour hours integral kilometers less many meters miles minute minutes
        month months more much multiply pay pays per percent percentage price probability product ratio
        remaining sell sells spend spends square subtract sum times total triple twice week weeks weigh weighs
        years
        """,
}

KIND = {word: kind for kind, words in _WORDS.items() for word in words.split()}
"""What each word speaks of."""
