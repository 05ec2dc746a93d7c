"""The mock provider behaves as it was told, and the same again with the same seed."""

from __future__ import annotations

import json
from collections import Counter
from types import ModuleType

import pytest

from pointsman.cli.devtools.mock_provider import anthropic_shape, openai_shape
from pointsman.cli.devtools.mock_provider.behaviour import Behaviour, Plan, plan
from pointsman.cli.devtools.mock_provider.command import _model
from pointsman.cli.devtools.mock_provider.reply import Said, say
from pointsman.cli.errors import CommandFailed


def said(text: str = "hi", **more: object) -> Said:
    what = plan(Behaviour(), 0, "m", 0, text)
    return say(Plan(**{**{n: getattr(what, n) for n in Plan.__struct_fields__}, **more}), 0, text, None, 8, 0, None)


def test_the_same_seed_gives_the_same_fate_and_another_another() -> None:
    flaky = Behaviour(fail_rate=0.5, break_rate=0.5, quality=0.5)
    fates = [[plan(flaky, seed, "m", n, "") for n in range(50)] for seed in (1, 1, 2)]
    assert fates[0] == fates[1] != fates[2]


def test_rates_are_met() -> None:
    fates = [plan(Behaviour(fail_rate=0.2, quality=0.7), 3, "m", n, "") for n in range(2000)]
    statuses = Counter(fate.status for fate in fates)
    # Both within 5 standard deviations: false failures below 1e-6, and the seed is fixed.
    assert abs(statuses[500] / 2000 - 0.2) < 0.045
    assert abs(sum(fate.bad != "" for fate in fates) / 2000 - 0.3) < 0.052
    assert {fate.bad for fate in fates} == {"", "empty", "refusal", "truncated"}


def test_a_message_can_ask_for_what_happens() -> None:
    asked = plan(Behaviour(), 0, "m", 0, "x [mock status=429 break=3 latency-ms=50.5 bad=refusal words=2] y")
    assert (asked.status, asked.breaks_after, asked.latency_ms, asked.bad, asked.words) == (429, 3, 50.5, "refusal", 2)


def test_bad_answers_are_empty_refused_or_cut_off() -> None:
    assert said(bad="empty").text == ""
    assert "can't help" in said(bad="refusal").text
    assert said(bad="truncated").finish == "length"
    assert (len(said().chunks), said().finish) == (24, "stop")


def test_streams_say_the_same_as_whole_answers() -> None:
    answer = said()
    whole = json.loads(openai_shape.whole(answer, {"model": "m"}))["choices"][0]["message"]["content"]
    events = [line for line in b"".join(openai_shape.stream(answer, {"model": "m"})).split(b"\n\n") if line]
    assert events[-1] == b"data: [DONE]"
    deltas = [json.loads(event[6:])["choices"][0]["delta"] for event in events[:-1]]
    assert "".join(delta.get("content") or "" for delta in deltas) == whole == answer.text
    blocks = json.loads(anthropic_shape.whole(answer, {"model": "m"}))["content"]
    assert [block["text"] for block in blocks] == [answer.text]


@pytest.mark.parametrize("shape", [openai_shape, anthropic_shape])
def test_no_two_answers_have_one_id(shape: ModuleType) -> None:
    """Each model counts its own answers, and begins anew with each run."""
    assert len({json.loads(shape.whole(said(), {"model": model}))["id"] for model in "aab"}) == 3


def test_a_model_has_settings_of_its_own() -> None:
    name, behaviour = _model("small,quality=0.5,latency-ms=20", Behaviour(words=3))
    assert (name, behaviour) == ("small", Behaviour(words=3, quality=0.5, latency_ms=20.0))


@pytest.mark.parametrize("text", ["", "m,speed=3", "m,quality=2", "m,quality=x", "m,fail-status=200", "m,words=-1"])
def test_settings_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(CommandFailed):
        _model(text, Behaviour())
