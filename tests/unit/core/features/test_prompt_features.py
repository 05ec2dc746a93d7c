from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.features import NAMES, prompt_features
from pointsman.core.features import prompt as module


def feature(text: str, name: str) -> float:
    return prompt_features(text)[NAMES.index(name)]


@given(st.text(max_size=400))
def test_every_text_has_twelve_features_from_0_to_1(text: str) -> None:
    features = prompt_features(text)
    assert len(features) == len(NAMES) == 12
    assert all(0.0 <= value <= 1.0 for value in features)
    assert features[0] == 1.0


def test_the_same_text_always_has_the_same_features() -> None:
    text = "How many of the 12 apples, at 3 dollars each, did Anna sell?"
    assert prompt_features(text) == prompt_features(text)


@pytest.mark.parametrize(
    ("name", "more", "less"),
    [
        ("length", "word " * 200, "word"),
        ("question", "Is it raining?", "It is raining."),
        ("question_words", "What is it, and why?", "It is so."),
        ("choices", "Pick:\n(A) red\n(B) blue\n(C) green\n", "Pick red or blue."),
        ("code", "def f(x):\n    return x == {};", "the weather is fine"),
        ("numbers", "1 and 2 and 3 and 4", "one and two and three"),
        ("quantities", "How many dollars does each hour cost?", "The sky is blue."),
        ("instructions", "Write a poem. Explain it.", "Poems are nice."),
        ("reasoning", "Explain why, step by step.", "Name a city."),
        ("word_length", "internationalisation considerations", "a b c d"),
        ("names", "when Anna and then Robert met Maria", "when they and then others met"),
    ],
)
def test_each_feature_measures_what_its_name_means(name: str, more: str, less: str) -> None:
    assert feature(more, name) > feature(less, name)


def test_an_empty_text_has_a_bias_and_nothing_else() -> None:
    assert prompt_features("") == [1.0] + [0.0] * 11


def test_what_is_beyond_the_part_that_is_looked_at_counts_as_length_only() -> None:
    start = "x " * (module.MAX_PROMPT_CHARS // 2)
    assert prompt_features(start)[2:] == prompt_features(start + "Why? (A) 1 (B) 2 Explain.")[2:]


@pytest.mark.timeout(15)  # a pattern that is not linear needs a minute for one of these, a linear one milliseconds
@pytest.mark.parametrize(
    "part", ["(", "a", " \n", "\n", " ", "1", "1.", "A, ", "a_", "a'", "option 1", "Write ", "?\t"]
)
def test_no_text_takes_much_longer_than_others_of_its_length(part: str) -> None:
    for _ in range(3):
        prompt_features(part * (module.MAX_PROMPT_CHARS // len(part)))
