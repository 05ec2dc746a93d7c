from __future__ import annotations

import re
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.core.features import CHAT_NAMES, chat, chat_features, view_request
from pointsman.core.features.chat_words import _WORDS, KIND
from tests.unit.core.features.requests import ask, openai_loop, openai_tools


def features(body: dict[str, Any]) -> dict[str, float]:
    return dict(zip(CHAT_NAMES, chat_features(view_request(body, "openai")), strict=True))


@given(st.text(max_size=400))
def test_every_text_has_twelve_features_from_0_to_1(text: str) -> None:
    made = features(ask(text))
    assert len(made) == 12
    assert all(0.0 <= value <= 1.0 for value in made.values())
    assert made["bias"] == 1.0


def test_an_empty_request_has_a_bias_and_nothing_else() -> None:
    assert chat_features(view_request({"messages": []}, "openai")) == [1.0] + [0.0] * 11


def test_the_features_of_version_1_are_what_they_were() -> None:
    """What was learned rests on them: when this fails, it is a new version."""
    text = "Explain step by step why f(x) => {} in JavaScript breaks the contract: (A) 3 (B) 4 (C) each. Which is it?"
    assert chat_features(view_request(ask(text, stream=True, tools=openai_tools(2)), "openai")) == pytest.approx(
        [1.0, 0.558, 0.0, 0.361, 0.0, 1.0, 0.6, 0.625, 0.25, 0.8, 0.75, 0.474], abs=5e-4
    )


def test_the_words_of_version_1_are_what_they_were() -> None:
    assert sha256(repr(sorted(KIND.items())).encode()).hexdigest()[:16] == "5d3f9894412148b5"


LOOP = openai_loop(4)


@pytest.mark.parametrize(
    ("name", "more", "less"),
    [
        ("tokens", ask("word " * 200), ask("word")),
        ("turns", {"messages": ask("a")["messages"] * 5}, ask("a")),
        ("tools", ask("a", tools=openai_tools(5)), ask("a", tools=openai_tools(1))),
        ("agentic", LOOP, {"messages": LOOP["messages"][:2]}),
        ("agentic", ask("Search all files of the repository and commit."), ask("Where is Paris?")),
        ("streaming", ask("a", stream=True), ask("a", stream=False)),
        ("form", ask("a", response_format={"type": "json_object"}), ask("Pick: (A) red (B) blue")),
        ("form", ask("Pick:\n(A) red\n(B) blue\n"), ask("Pick red or blue.")),
        ("code", ask("def f(x):\n    return x == {};"), ask("the weather is fine")),
        ("code", LOOP, {"messages": LOOP["messages"][:2]}),
        ("risk", ask("Which dosage is dangerous for a pregnant patient?"), ask("Which colour is nice?")),
        ("question", ask("Is it raining?"), ask("How does rain come about?")),
        ("question", ask("Who is it?"), ask("Why is it?")),
        ("question", ask("How many are there?"), ask("What is there?")),
        ("question", ask("Why?"), ask("Why? Explain it.")),
        ("reasoning", ask("Explain why, step by step."), ask("Name a city.")),
        ("reasoning", ask("Name a city.", reasoning_effort="high"), ask("Explain it.")),
        ("numbers", ask("How many dollars are 3 apples at 2 each?"), ask("The sky is blue.")),
    ],
)
def test_each_feature_measures_what_its_name_means(name: str, more: dict[str, Any], less: dict[str, Any]) -> None:
    assert features(more)[name] > features(less)[name]


def test_the_end_of_a_long_text_is_read() -> None:
    document = "The lessee pays the rent. " * 4000
    assert features(ask(document + "Is that all?"))["question"] == 1.0
    assert features(ask(document + "Prove it, and explain why: what follows?"))["reasoning"] == 0.75


def test_a_word_that_is_repeated_counts_once() -> None:
    assert features(ask("We discuss the park. " * 50))["reasoning"] == 0.25


def test_a_word_speaks_of_one_thing() -> None:
    assert len(KIND) == sum(len(words.split()) for words in _WORDS.values())
    assert all(word.isascii() and word.isalpha() and word.islower() for word in KIND)


@pytest.mark.timeout(15)  # a pattern that is not linear needs a minute for one of these, a linear one milliseconds
@pytest.mark.parametrize(
    "part", ["(", "a", " \n", "\n", " ", "1", "A, ", "how ", "how many", "option 1", "?", "- yes\t"]
)
def test_no_text_takes_much_longer_than_others_of_its_length(part: str) -> None:
    for _ in range(3):
        features(ask(part * (1_000_000 // len(part))))


PIECES = st.sampled_from(
    [
        *"abhiowyx19? .:,()-={}<>!/`\n\u0663\u00e9_",
        "why",
        "how",
        "how many",
        "what",
        "whom",
        "option 1:",
        "- yes",
        "- no",
        "def ",
        "```",
    ]
)


@settings(max_examples=500)
@given(st.lists(PIECES, max_size=40).map("".join))
def test_what_is_looked_for_first_changes_no_feature(text: str) -> None:
    """The counts, written without the searches that make them fast."""
    marks = ("```", "{", "};", "()", "==", "=>", "->", "</", "!=", "def ", "self.", "import ")
    assert chat._code_marks(text) == sum(map(text.count, marks))
    assert chat._choices(text) == len(chat._CHOICE.findall(text))
    assert chat._numbers(text) == len(re.findall(r"\d+", text))
    asks = r"\b(?:why|how(?: (?:many|much|far|long|old|tall|often))?|wh(?:at|ich|om?|ose|en|ere))\b"
    assert chat._QUESTION.findall(text) == re.findall(asks, text)
