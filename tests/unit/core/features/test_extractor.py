from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import pytest

from pointsman.core.features import (
    CHAT,
    CHAT_NAMES,
    PROMPT,
    CheckedExtractor,
    ExtractionFailed,
    ExtractorNotUsable,
    RequestView,
    builtin_extractor,
    chat_features,
    make_extractor,
    prompt_features,
    view_request,
)
from tests.unit.core.features.requests import ask

VIEW = view_request(ask("Why is the sky blue?", stream=True), "openai")


class Two:
    """An extractor written by a user."""

    names: Any = ("bias", "length")
    version: Any = 3
    dim: Any = 2

    def extract(self, view: RequestView) -> Sequence[float]:
        return [1.0, len(view.last_user_text) / 100.0]


def returning(value: Any) -> CheckedExtractor:
    class Odd(Two):
        def extract(self, view: RequestView) -> Any:
            return value

    return CheckedExtractor(Odd(), "own:Odd")


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module ``own``."""
    module = ModuleType("own")
    monkeypatch.setitem(sys.modules, "own", module)
    return module


def test_the_built_in_extractor_has_the_chat_features() -> None:
    extractor = make_extractor("chat", 12)
    assert (extractor.label, extractor.dim, extractor.names) == ("chat/1", 12, CHAT_NAMES)
    assert extractor.extract(VIEW) == chat_features(VIEW)


def test_a_class_of_ones_own_is_loaded_by_its_name(own: ModuleType) -> None:
    own.Two = Two  # type: ignore[attr-defined]
    extractor = make_extractor("own:Two", 2)
    assert (extractor.label, extractor.dim, extractor.names) == ("own:Two/3", 2, ("bias", "length"))
    assert extractor.extract(VIEW) == [1.0, 0.2]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("chatty", "'chatty' is not one of chat, meaning, prompt, embedding, module:Class"),
        ("not_there_at_all:Two", "cannot load not_there_at_all:Two: ModuleNotFoundError"),
        ("own:Missing", "cannot load own:Missing: AttributeError"),
        ("own:Raises", "cannot load own:Raises: ZeroDivisionError"),
        ("embedding", "llm.embedding_path"),
    ],
)
def test_an_extractor_that_cannot_be_loaded_is_reported_by_name(own: ModuleType, name: str, problem: str) -> None:
    own.Raises = lambda: 1 // 0  # type: ignore[attr-defined]
    with pytest.raises(ExtractorNotUsable, match=problem):
        make_extractor(name, 12)


@pytest.mark.parametrize(
    ("part", "value", "problem"),
    [
        ("dim", None, "dim: expected an integer of at least 1, got None"),
        ("dim", 0, "dim: expected an integer of at least 1, got 0"),
        ("dim", True, "dim: expected an integer"),
        ("dim", 3, "names: expected 3 names, as many as dim, got 2"),
        ("names", None, "names: expected a list of texts"),
        ("names", "ab", "names: expected a list of texts"),
        ("names", (1, 2), "names: expected a list of texts"),
        ("version", None, "version: expected an integer or text"),
        ("version", 1.5, "version: expected an integer or text"),
        ("extract", None, "has no method 'extract'"),
    ],
)
def test_an_extractor_without_a_part_is_refused(part: str, value: object, problem: str) -> None:
    wrong: Any = type("Wrong", (Two,), {part: value})()
    with pytest.raises(ExtractorNotUsable, match=f"own:Wrong: .*{problem}"):
        CheckedExtractor(wrong, "own:Wrong")


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ([1.0], "own:Odd: expected 2 numbers, got 1"),
        ([1.0, 2.0, 3.0], "own:Odd: expected 2 numbers, got 3"),
        ([1.0, math.nan], "own:Odd: length: expected a number of at most 1e\\+06, got nan"),
        ([1.0, -math.inf], "own:Odd: length: .* got -inf"),
        ([2e6, 1.0], "own:Odd: bias: .* got 2e\\+06"),
        (["x", 1.0], "own:Odd: ValueError"),
        (None, "own:Odd: TypeError"),
    ],
)
def test_what_is_no_context_does_not_get_out(value: object, problem: str) -> None:
    with pytest.raises(ExtractionFailed, match=problem):
        returning(value).extract(VIEW)


def test_whole_numbers_are_numbers() -> None:
    assert returning((1, 0)).extract(VIEW) == [1.0, 0.0]


def test_an_extractor_that_raises_is_named_with_the_place_but_without_its_message() -> None:
    class Raises(Two):
        def extract(self, view: RequestView) -> Sequence[float]:
            raise KeyError(view.last_user_text)

    with pytest.raises(ExtractionFailed) as raised:
        CheckedExtractor(Raises(), "own:Raises").extract(VIEW)
    assert str(raised.value).startswith("own:Raises: KeyError at ")
    assert "test_extractor.py:" in str(raised.value)
    assert "sky" not in str(raised.value)


def test_a_built_in_extractor_is_found_by_its_label() -> None:
    for name in (CHAT, PROMPT):
        label = make_extractor(name, 12).label
        found = builtin_extractor(label)
        assert found is not None
        assert (found.label, found.dim) == (label, 12)
    assert builtin_extractor("prompt/0") is None
    view = view_request({"messages": [{"role": "user", "content": "Why?"}]}, "openai")
    assert make_extractor(PROMPT, 12).extract(view) == prompt_features("Why?")
