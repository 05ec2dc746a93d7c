"""Outcomes that cannot be delivered are bounded, counted, and block no client."""

from __future__ import annotations

import pytest

from pointsman.contracts.config import Config
from pointsman.contracts.config.tiers import TierConfig
from pointsman.runtime.telemetry import metrics
from pointsman_gateway.api.feedback.response_index import ResponseIndex
from pointsman_gateway.backends import Backends
from pointsman_gateway.chat.outcome import delivery
from pointsman_gateway.chat.outcome.delivery import OutcomeDelivery
from pointsman_gateway.chat.outcome.grading import AnswerGrader
from tests.unit.gateway.chat.test_outcome import ended_call


def lost() -> float:
    return float(metrics.llm_outcomes_lost.labels("S")._value.get())


async def test_without_nats_outcomes_wait_up_to_a_bound_and_are_counted_as_lost_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery, "MAX_PENDING", 3)
    backends = Backends(Config(tier=[TierConfig(name="S", arms=["a:m"])]))
    deliveries = OutcomeDelivery(backends, AnswerGrader(backends.config), ResponseIndex(backends))
    before = lost()
    for _ in range(3):
        deliveries.submit(ended_call())
    assert lost() == before
    deliveries.submit(ended_call())
    assert lost() == before + 1
    await deliveries.drain(10.0)
    assert lost() == before + 4
    await backends.close()
