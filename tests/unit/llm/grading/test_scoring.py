"""How good answers are, line by line of the table, and scorers from outside."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.llm.completion import Completion, ToolCall
from pointsman.llm.grading.checked import make_grader
from pointsman.llm.grading.default import DefaultGrader, looks_like_refusal
from pointsman.llm.grading.grader import BadGrade, GradedRequest, GraderUnusable

OWN = "tests.unit.llm.grading.own_scorers"
TOOLS = {"tools": [{"type": "function", "function": {"name": "look_up", "parameters": {}}}]}


def answer(text: str = "All aboard.", **more: Any) -> Completion:
    usual = {"status": 200, "finish_reason": "stop", "complete": True, "text_chars": len(text), "text_head": text[:400]}
    return Completion(**{**usual, **more})


def call(name: str = "look_up", valid_json: bool = True) -> ToolCall:
    return ToolCall(name=name, arguments="{}", valid_json=valid_json)


def score(completion: Completion, body: dict[str, Any] | None = None, **more: Any) -> tuple[float | None, set[str]]:
    """The quality, and the parts that are not 1."""
    found = DefaultGrader().score(GradedRequest(body=body or {}, **more), completion, [])
    return found.quality, {name for name, value in found.parts.items() if value < 1.0}


@pytest.mark.parametrize(
    ("completion", "quality", "wrong"),
    [
        (answer(), 100.0, set()),
        (answer(complete=False, finish_reason=None), 0.0, {"complete"}),
        (answer(""), 0.0, {"content"}),
        (answer(finish_reason="content_filter"), 0.0, {"filter"}),
        (answer(finish_reason="refusal"), 0.0, {"refusal"}),
        (answer("I'm sorry, but I can't help with that."), 10.0, {"refusal"}),
        (answer(finish_reason="length"), 60.0, {"length"}),
        (answer(malformed_events=2), 50.0, {"stream"}),
        (answer(finish_reason="length", malformed_events=1), 30.0, {"length", "stream"}),
    ],
)
def test_an_answer_is_worth_what_is_not_wrong_with_it(completion: Completion, quality: float, wrong: set[str]) -> None:
    scored, found = score(completion)
    assert scored == pytest.approx(quality)
    assert found == wrong


@pytest.mark.parametrize(
    ("calls", "body", "quality"),
    [
        ((call(),), TOOLS, 100.0),
        ((call(valid_json=False),), TOOLS, 0.0),
        ((call(), call(valid_json=False)), TOOLS, 50.0),
        ((call("made_up"),), TOOLS, 0.0),
        ((call("a"),), {"tools": [{"name": "a", "input_schema": {}}]}, 100.0),  # as Anthropic's clients write it
        ((call("a"),), {"tools": [*TOOLS["tools"], {"type": "custom", "custom": {"name": "a"}}]}, 100.0),
        ((call("anything"),), {}, 100.0),
        ((), {**TOOLS, "tool_choice": "auto"}, 100.0),
        ((), {**TOOLS, "tool_choice": "required"}, 0.0),
        ((), {**TOOLS, "tool_choice": {"type": "any"}}, 0.0),
        ((), {**TOOLS, "tool_choice": {"type": "function", "function": {"name": "look_up"}}}, 0.0),
        ((call(),), {**TOOLS, "tool_choice": "required"}, 100.0),
    ],
)
def test_calls_of_tools(calls: tuple[ToolCall, ...], body: dict[str, Any], quality: float) -> None:
    assert score(answer(tool_calls=calls), body)[0] == quality


@pytest.mark.parametrize(("text", "quality"), [(' {"a": 1}', 100.0), ("[1]", 100.0), ("Here it is: {}", 20.0)])
def test_json_where_it_was_asked_for(text: str, quality: float) -> None:
    assert score(answer(text), {"response_format": {"type": "json_object"}})[0] == pytest.approx(quality)
    assert score(answer(text), {"response_format": {"type": "text"}})[0] == 100.0


@pytest.mark.parametrize(
    "body", [{"tools": 5, "tool_choice": 1, "response_format": "x"}, {"tools": [None, {"name": 3}]}]
)
def test_a_body_that_is_no_good_request_does_no_harm(body: dict[str, Any]) -> None:
    assert score(answer(tool_calls=(call(),)), body)[0] == 100.0
    assert score(answer(), body)[0] == 100.0


def test_when_the_client_left_there_is_no_saying_but_for_what_is_worthless_already() -> None:
    cut = answer(complete=False, finish_reason=None)
    assert score(cut, client_left=True) == (None, set())
    assert score(answer("", complete=False, finish_reason=None), client_left=True)[0] is None
    assert score(answer(), client_left=True)[0] == 100.0  # it left with the last byte
    assert score(answer(complete=False, finish_reason="content_filter"), client_left=True)[0] == 0.0


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I’m sorry, I cannot assist with this request.",
        "Sorry, but I can't provide that.",
        "I cannot help with that request.",
        "I can't comply.",
        "I'm unable to assist with that.",
        "I am not able to discuss this.",
        "Unfortunately, I cannot create such content.",
        "As an AI language model, I cannot help you here.",
        "I must decline.",
        "I apologize, but I won't provide instructions.",
        " \n I will not write that.",
    ],
)
def test_refusals_are_known_by_how_they_begin(text: str) -> None:
    assert looks_like_refusal(text, len(text))


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry to hear that. Here is what you can do.",
        "I can't wait to show you!",
        "Sorry for the delay; the answer is 4.",
        "You cannot help it.",
        "The word 'sorry' is Germanic.",
        "I cannot recommend this book enough.",
        "Unfortunately, the train had left.",
        "",
    ],
)
def test_what_only_sounds_like_a_refusal_is_none(text: str) -> None:
    assert not looks_like_refusal(text, len(text))


def test_a_long_answer_is_no_refusal() -> None:
    assert not looks_like_refusal("I can't help with that, but " + "here is more. " * 30, 601)


def test_a_scorer_of_ones_own_is_used_with_its_parameters() -> None:
    found = make_grader(f"{OWN}:Good", {"quality": 75}).score(GradedRequest(), answer(), [])
    assert (found.quality, found.parts) == (75.0, {"polite": 1.0})
    assert make_grader(f"{OWN}:Unknown", {}).score(GradedRequest(), answer(), []).quality is None


@pytest.mark.parametrize("what", ["nan", "much", "text", "nothing", "part", "name", "parts"])
def test_what_is_no_score_is_refused(what: str) -> None:
    with pytest.raises(BadGrade):
        make_grader(f"{OWN}:Gives", {"what": what}).score(GradedRequest(), answer(), [])


def test_a_scorer_that_raises_is_refused_with_what_it_raised() -> None:
    with pytest.raises(BadGrade, match="ZeroDivisionError: by zero"):
        make_grader(f"{OWN}:Raises", {}).score(GradedRequest(), answer(), [])


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        (f"{OWN}:NoScorer", {}),
        (f"{OWN}:Missing", {}),
        (f"{OWN}:Good", {"unknown": 1}),
        ("no.such.module:Scorer", {}),
        ("default", {"x": 1}),
    ],
)
def test_a_scorer_that_cannot_be_used_is_refused(name: str, parameters: dict[str, Any]) -> None:
    with pytest.raises(GraderUnusable):
        make_grader(name, parameters)
