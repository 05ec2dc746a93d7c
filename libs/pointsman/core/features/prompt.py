"""Twelve features of a prompt's text.

Each is 0 to 1 and takes little time (about 0.2 ms for a prompt of 400 characters). They are counts on the text alone,
without a tokenizer or an embedding model.

============== =======================================================================================
name           what it measures; the value at which it is 1
============== =======================================================================================
bias           always 1: the intercept of the linear models
length         characters, on a log scale; 8,000
question       1 when the text ends with a question mark
question_words what, which, who, when, where, why, how; 3 of them
choices        marked options, for example ``(A)``, ``(2)`` or ``Option 1:``; 5
code           code, its punctuation and the words of programming; 5
numbers        numbers per word; one in every 4 words
quantities     words of arithmetic stories: how many, each, twice, total, per, dollars; 5
instructions   sentences that begin with an imperative such as "Write", "Sort", "Answer"; 2
reasoning      explain, why, because, step by step, reasoning; 3
word_length    mean letters per word; 8
names          names in the middle of sentences, per word; one in every 3 words
============== =======================================================================================

The features of a version never change their meaning, because the learned state depends on them. A change needs a new
version and new tiers.
"""

import math
import re

FEATURES_VERSION = 1

NAMES = (
    "bias",
    "length",
    "question",
    "question_words",
    "choices",
    "code",
    "numbers",
    "quantities",
    "instructions",
    "reasoning",
    "word_length",
    "names",
)
"""The features in the order of the vector."""

MAX_PROMPT_CHARS = 16_000
"""Number of characters that are counted, from the start; ``length`` is that of the whole text."""

LONG = 8_000
"""Number of characters at which ``length`` is 1."""

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_QUESTION_WORD = re.compile(r"\b(?:what|which|who|whom|whose|when|where|why|how)\b", re.IGNORECASE)
_CHOICE = re.compile(
    r"(?:^|[\s,:])(?:\(?[A-Z1-9]\)|[A-H][.:]|option \d+:|- (?:yes|no)\b)\s", re.IGNORECASE | re.MULTILINE
)
_CODE = re.compile(
    r"```|[{};]|==|=>|->|\w\(\)|[a-z]_[a-z]"
    r"|\b(?:python|javascript|java|rust|sql|regex|function|class|return|import|array|tuple|list|string|algorithm"
    r"|code|program|compile|bug|api|json|html)\b",
    re.IGNORECASE,
)
_QUANTITY = re.compile(
    r"[$€£%]|\b(?:how (?:many|much|far|long|old|tall)|each|twice|half|double|triple|times|total|altogether|per"
    r"|more than|less than|remaining|left|percent|costs?|pays?|earns?|spends?|buys?|sells?"
    r"|hours?|minutes?|days?|weeks?|miles?|dollars?|cents?)\b",
    re.IGNORECASE,
)
_INSTRUCTION = re.compile(
    r"(?:^|[.:!?\n]) {0,3}(?:please )?(?:write|sort|list|find|complete|translate|summari[sz]e|explain|describe|create"
    r"|make|give|generate|rewrite|convert|answer|choose|read|name|compare|classify|identify|draft|fix|implement"
    r"|design|edit|calculate|compute|solve|show|prove|suggest|tell)\b",
    re.IGNORECASE,
)
_REASONING = re.compile(
    r"\b(?:explain|why|reason|reasoning|justify|because|step by step|therefore|briefly|think|analy[sz]e|compare"
    r"|evaluate)\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]+")


def prompt_features(text: str) -> list[float]:
    """Return the twelve features of a text, in the order of `NAMES`.

    Parameters
    ----------
    text : str
        The prompt of the user; in a conversation, the last message of the user.
    """
    start = text[:MAX_PROMPT_CHARS]
    words = _WORD.findall(start)
    n = max(len(words), 1)
    features = (
        1.0,
        math.log1p(len(text)) / math.log1p(LONG),
        float(start.rstrip().endswith("?")),
        _count(_QUESTION_WORD, start) / 3.0,
        _count(_CHOICE, start) / 5.0,
        _count(_CODE, start) / 5.0,
        _count(_NUMBER, start) * 4.0 / n,
        _count(_QUANTITY, start) / 5.0,
        _count(_INSTRUCTION, start) / 2.0,
        _count(_REASONING, start) / 3.0,
        sum(map(len, words)) / n / 8.0,
        _count(_NAME, start) * 3.0 / n,
    )
    return [min(value, 1.0) for value in features]


def _count(pattern: re.Pattern[str], text: str) -> int:
    return len(pattern.findall(text))
