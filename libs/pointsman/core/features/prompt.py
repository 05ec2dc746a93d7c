"""Twelve features of a prompt's text.

Each is 0 to 1 and cheap to compute (about 0.2 ms for a prompt of 400 characters), so that it can be done on a
request's way. They are made from the text alone, by counting: no tokenizer and no embedding model has to be there.

============== =======================================================================================
name           what, and where it reaches 1
============== =======================================================================================
bias           always 1: the intercept of the linear models
length         characters, on a log scale; 8,000
question       1 when the text ends with a question mark
question_words what, which, who, when, where, why, how; 3 of them
choices        marked options to choose from, as ``(A)``, ``(2)`` or ``Option 1:``; 5
code           code, its punctuation and the words of programming; 5
numbers        numbers per word; one in every 4 words
quantities     words of arithmetic stories: how many, each, twice, total, per, dollars; 5
instructions   sentences that begin with an order, as "Write", "Sort", "Answer"; 2
reasoning      explain, why, because, step by step, reasoning; 3
word_length    mean letters per word; 8
names          names in the middle of sentences, per word; one in every 3 words
============== =======================================================================================

The features of a version never change their meaning: what was learned rests on them. A change is a new version,
and needs tiers of its own.
"""

from __future__ import annotations

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

LONGEST = 16_000
"""Characters that are looked at. The length is that of the whole text; the rest of a longer one says little more."""

LONG = 8_000
"""Characters of a text that has length 1."""

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
        The prompt as the user wrote it; of a conversation, the last message of the user.
    """
    seen = text[:LONGEST]
    words = _WORD.findall(seen)
    n = max(len(words), 1)
    features = (
        1.0,
        math.log1p(len(text)) / math.log1p(LONG),
        float(seen.rstrip().endswith("?")),
        _count(_QUESTION_WORD, seen) / 3.0,
        _count(_CHOICE, seen) / 5.0,
        _count(_CODE, seen) / 5.0,
        _count(_NUMBER, seen) * 4.0 / n,
        _count(_QUANTITY, seen) / 5.0,
        _count(_INSTRUCTION, seen) / 2.0,
        _count(_REASONING, seen) / 3.0,
        sum(map(len, words)) / n / 8.0,
        _count(_NAME, seen) * 3.0 / n,
    )
    return [min(value, 1.0) for value in features]


def _count(pattern: re.Pattern[str], text: str) -> int:
    return len(pattern.findall(text))
