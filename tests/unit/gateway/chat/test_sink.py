"""Outcomes that cannot be delivered are bounded, counted, and hold nobody up."""

from __future__ import annotations

import pytest

from pointsman.contracts.config import Config
from pointsman.contracts.config.schema import TierConfig
from pointsman.runtime.telemetry import metrics
from pointsman_gateway.api.feedback.response_index import ResponseIndex
from pointsman_gateway.backends import Backends
from pointsman_gateway.chat import sink as sink_module
from pointsman_gateway.chat.judging import Judge
from pointsman_gateway.chat.sink import OutcomeSink
from tests.unit.gateway.chat.test_measuring import exchange


def lost() -> float:
    return float(metrics.llm_outcomes_lost.labels("S")._value.get())


async def test_without_nats_outcomes_wait_up_to_a_bound_and_are_counted_as_lost_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sink_module, "MAX_WAITING", 3)
    backends = Backends(Config(tier=[TierConfig(name="S", arms=["a:m"])]))
    sink = OutcomeSink(backends, Judge(backends.config), ResponseIndex(backends))
    before = lost()
    for _ in range(3):
        sink.put(exchange())
    assert lost() == before
    sink.put(exchange())
    assert lost() == before + 1
    await sink.drain(10.0)
    assert lost() == before + 4
    await backends.close()
