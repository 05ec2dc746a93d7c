"""A policy's own reward weights and forgetting: into each outcome, into A and b, and back out of the log."""

from __future__ import annotations

import httpx
import pytest

from pointsman.contracts.config import Config
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.outcome import Outcome, outcome_decoder
from pointsman.core.bandit import RewardRule
from pointsman.learning.audit import audit_tier
from pointsman.learning.tier_store import TierStore
from pointsman.runtime.bus import Bus
from pointsman.runtime.store.store import Store
from tests.support.gateway_calls import CONTEXT, decide, field_of
from tests.support.gateway_calls import report as report_outcome
from tests.support.loop_calls import applied_through, assert_store_equals_log
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

TIERS = ("RULED", "CONFIGURED", "REFUSED")


@pytest.fixture(scope="module")
def config_toml() -> str:
    tiers = {name: f'[[tier]]\nname = "{name}"\narms = ["p:a", "p:b"]\n' for name in TIERS}
    tiers["CONFIGURED"] += '[tier.policy]\nalgorithm = "thompson"\nforgetting = 0.9\nmu_latency = 0.0\n'
    return "[context]\ndim = 3\n" + "".join(tiers.values())


def _activate(client: httpx.Client, tier: str, policy: dict[str, object]) -> None:
    answer = client.put(f"/v1/policies/{tier}", json={"active": policy})
    assert answer.status_code == 200, answer.text
    assert answer.json()["active"] == policy


async def _earn(client: httpx.Client, bus: Bus, tier: str, **measured: float) -> tuple[int, Outcome]:
    """Make a decision and report its outcome; return the outcome's sequence, and the outcome as the log has it."""
    decision = decide(client, tier=tier)
    assert not decision["degraded"]
    assert report_outcome(client, decision["decision_id"], **measured).status_code == 202
    stored = await bus.last(subjects.OUTCOMES, subjects.outcomes(tier))
    assert stored is not None
    outcome = outcome_decoder.decode(stored.data)
    assert outcome.decision_id == decision["decision_id"]
    return stored.sequence, outcome


async def test_the_configured_policys_own_rule_is_in_the_first_outcome(client: httpx.Client, bus: Bus) -> None:
    _, outcome = await _earn(client, bus, "CONFIGURED", quality=50)
    assert (outcome.policy, outcome.rule) == (
        "thompson",
        RewardRule(normalizer="quantile", forgetting=0.9, mu_latency=0.0),
    )


async def test_a_change_of_policy_is_in_the_outcomes_that_come_after_it_and_the_store_equals_the_log(
    client: httpx.Client, bus: Bus, store: Store, config: Config
) -> None:
    for quality in range(10):
        last, outcome = await _earn(client, bus, "RULED", quality=50 + quality, cost_usd=0.01, latency_ms=200)
        assert outcome.rule == config.policy.spec().reward_rule(config.reward) == RewardRule(normalizer="quantile")
    own = {"lambda_cost": 0.7, "forgetting": 0.9}
    _activate(client, "RULED", {"name": "forgetful", "algorithm": "thompson", **own})

    async def followed() -> bool:
        _, accepted = await _earn(client, bus, "RULED", quality=60, cost_usd=0.02)
        return accepted.rule == RewardRule(normalizer="quantile", lambda_cost=0.7, forgetting=0.9)

    await eventually(followed, "the new policy's rule in an outcome")
    for quality in range(10):
        last, outcome = await _earn(client, bus, "RULED", quality=40 + quality, cost_usd=0.03)
        assert outcome.rule == RewardRule(normalizer="quantile", lambda_cost=0.7, forgetting=0.9)

    await applied_through(store, "RULED", last)
    ledger = await assert_store_equals_log(bus, store, "RULED")
    audit = await audit_tier(bus, store, "RULED")
    assert (audit.difference, audit.outcomes) == ("", sum(s.n for s in ledger.learner.arms.values()))
    states = (await TierStore(store, "RULED").changes()).arms.values()
    x = CONTEXT[1]
    plain = [1.0 + state.n * x * x for state in states]
    assert sum(state.A[1, 1] for state in states) < sum(plain) - 0.5  # something was forgotten


async def test_going_back_is_in_the_next_outcomes_too(client: httpx.Client, bus: Bus) -> None:
    _activate(client, "RULED", {"name": "plain", "algorithm": "linucb"})

    async def followed() -> bool:
        _, accepted = await _earn(client, bus, "RULED", quality=60)
        return accepted.rule == RewardRule(normalizer="quantile")

    await eventually(followed, "the configured rule in an outcome")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"active": {"name": "a", "algorithm": "linucb", "forgetting": 0}}, "active.forgetting"),
        ({"active": {"name": "a", "algorithm": "linucb", "sample": 0.5}}, "active.sample"),
        ({"shadows": [{"name": "a", "algorithm": "linucb", "mu_latency": -1}]}, "shadows[0].mu_latency"),
        ({"shadows": [{"name": "a", "algorithm": "softmax", "forgetting": "much"}]}, "shadows[0].forgetting"),
    ],
)
def test_settings_out_of_range_are_refused_by_name_and_change_nothing(
    client: httpx.Client, body: dict[str, object], field: str
) -> None:
    def refused() -> dict[str, object]:
        found: dict[str, object] = next(
            tier for tier in client.get("/v1/policies").json()["policies"] if tier["tier"] == "REFUSED"
        )
        return found

    before = refused()
    answer = client.put("/v1/policies/REFUSED", json=body)
    assert answer.status_code == 422
    assert field_of(answer) == field
    assert refused() == before
