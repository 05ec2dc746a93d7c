"""The mock provider behaves as configured, and equally for equal seeds."""

from __future__ import annotations

import json
from collections import Counter
from types import ModuleType
from typing import Any

import msgspec
import pytest

from pointsman.cli.devtools.mock_provider import anthropic_format, openai_format
from pointsman.cli.devtools.mock_provider.behaviour import Behaviour, plan_request
from pointsman.cli.devtools.mock_provider.command import _model
from pointsman.cli.devtools.mock_provider.reply import MockReply, make_reply
from pointsman.cli.errors import CommandFailed


def reply(text: str = "hi", **changed: Any) -> MockReply:
    plan = msgspec.structs.replace(plan_request(Behaviour(), 0, "m", 0, text), **changed)
    return make_reply(plan, 0, text, None, 8, 0, None)


def test_the_plan_of_a_request_depends_on_the_seed() -> None:
    flaky = Behaviour(fail_rate=0.5, break_rate=0.5, quality=0.5)
    plans = [[plan_request(flaky, seed, "m", n, "") for n in range(50)] for seed in (1, 1, 2)]
    assert plans[0] == plans[1] != plans[2]


def test_rates_are_met() -> None:
    plans = [plan_request(Behaviour(fail_rate=0.2, quality=0.7), 3, "m", n, "") for n in range(2000)]
    statuses = Counter(plan.status for plan in plans)
    # Both within 5 standard deviations: false failures below 1e-6, and the seed is fixed.
    assert abs(statuses[500] / 2000 - 0.2) < 0.045
    assert abs(sum(plan.bad != "" for plan in plans) / 2000 - 0.3) < 0.052
    assert {plan.bad for plan in plans} == {"", "empty", "refusal", "truncated"}


def test_a_message_can_set_the_behaviour_for_its_request() -> None:
    asked = plan_request(Behaviour(), 0, "m", 0, "x [mock status=429 break=3 latency-ms=50.5 bad=refusal words=2] y")
    assert (asked.status, asked.breaks_after, asked.latency_ms, asked.bad, asked.words) == (429, 3, 50.5, "refusal", 2)


def test_bad_answers_are_empty_refusals_or_truncated() -> None:
    assert reply(bad="empty").text == ""
    assert "can't help" in reply(bad="refusal").text
    assert reply(bad="truncated").finish == "length"
    assert (len(reply().chunks), reply().finish) == (24, "stop")


def test_a_stream_has_the_same_text_as_a_complete_answer() -> None:
    answer = reply()
    whole = json.loads(openai_format.whole(answer, {"model": "m"}))["choices"][0]["message"]["content"]
    events = [line for line in b"".join(openai_format.stream(answer, {"model": "m"})).split(b"\n\n") if line]
    assert events[-1] == b"data: [DONE]"
    deltas = [json.loads(event[6:])["choices"][0]["delta"] for event in events[:-1]]
    assert "".join(delta.get("content") or "" for delta in deltas) == whole == answer.text
    blocks = json.loads(anthropic_format.whole(answer, {"model": "m"}))["content"]
    assert [block["text"] for block in blocks] == [answer.text]


@pytest.mark.parametrize("api", [openai_format, anthropic_format])
def test_no_two_answers_have_one_id(api: ModuleType) -> None:
    """Each model counts its own answers, from 0 in each run."""
    assert len({json.loads(api.whole(reply(), {"model": model}))["id"] for model in "aab"}) == 3


def test_a_model_can_have_its_own_settings() -> None:
    name, behaviour = _model("small,quality=0.5,latency-ms=20", Behaviour(words=3))
    assert (name, behaviour) == ("small", Behaviour(words=3, quality=0.5, latency_ms=20.0))


@pytest.mark.parametrize("text", ["", "m,speed=3", "m,quality=2", "m,quality=x", "m,fail-status=200", "m,words=-1"])
def test_invalid_settings_are_refused(text: str) -> None:
    with pytest.raises(CommandFailed):
        _model(text, Behaviour())
