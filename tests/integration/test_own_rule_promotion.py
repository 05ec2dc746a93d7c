"""Promotion of a shadow with its own reward rule: what the report and the answers state, and what it serves from."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import httpx
import numpy as np
import pytest

from pointsman.cli.main import main
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.outcome import outcome_decoder
from pointsman.core.bandit import Arm
from pointsman.learning.audit import audit_tier
from pointsman.learning.tier_store import TierStore
from pointsman.runtime.bus import Bus
from pointsman.runtime.store.store import Store
from tests.support.gateway_calls import CONTEXT, decide
from tests.support.gateway_calls import report as report_outcome
from tests.support.loop_calls import applied_through, stored_bytes
from tests.support.promotion_calls import policies, put
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

TIER = "OWN"
GAMMA = 0.9
LIVE = {"name": "live", "algorithm": "linucb", "parameters": {"epsilon": 0.5}}
FORGETFUL = {**LIVE, "name": "forgetful", "forgetting": GAMMA}
THRIFTY = {**LIVE, "name": "thrifty", "lambda_cost": 2.0}
DECISIONS = 60
NOTE = (
    "it learns by its own reward rule (forgetting 0.9 instead of 1): the figures are for its own A and b; "
    "after a promotion it continues from what the tier has learned by the previous rule"
)


@pytest.fixture(scope="module")
def config_toml() -> str:
    return f'[context]\ndim = 3\n[[tier]]\nname = "{TIER}"\narms = ["p:a", "p:b"]\n'


async def _learn(client: httpx.Client, bus: Bus, store: Store, count: int, quality: float) -> None:
    for _ in range(count):
        decision = decide(client, tier=TIER)
        assert report_outcome(client, decision["decision_id"], quality=quality).status_code == 202
    last = await bus.last(subjects.OUTCOMES, subjects.outcomes(TIER))
    assert last is not None
    await applied_through(store, TIER, last.sequence)


async def _rule_of_next(client: httpx.Client, bus: Bus, store: Store) -> float:
    """Have one more outcome learned; return the γ that it was accepted under."""
    await _learn(client, bus, store, 1, 50.0)
    last = await bus.last(subjects.OUTCOMES, subjects.outcomes(TIER))
    assert last is not None
    return outcome_decoder.decode(last.data).rule.forgetting


def _row(client: httpx.Client, policy: str) -> dict[str, Any]:
    answer = client.get("/v1/shadow/report", params={"tier": TIER, "policy": policy})
    (row,) = answer.json()["policies"]
    return dict(row)


async def test_what_it_has_learned_is_not_carried_over_and_every_answer_states_it(
    client: httpx.Client,
    bus: Bus,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    put(client, TIER, active=LIVE, shadows=[FORGETFUL, THRIFTY, {**LIVE, "name": "bold"}])
    await _learn(client, bus, store, DECISIONS, 80.0)
    wait_until(lambda: _row(client, "forgetful")["rewarded"] >= DECISIONS // 2, "joined")
    row = _row(client, "forgetful")
    assert (row["own_rule"], row["why"].endswith(NOTE)) == ("forgetting 0.9 instead of 1", True)
    assert "with rewards as the active policy computes them" in _row(client, "thrifty")["why"]
    assert _row(client, "bold")["own_rule"] == ""

    monkeypatch.setattr("sys.stdin", _Terminal("n\n"))
    asked = ["promote", TIER, "forgetful", "--url", str(client.base_url)]
    assert await asyncio.to_thread(main, asked) == 1
    assert NOTE in capsys.readouterr().out

    before = await stored_bytes(store, TIER)
    assert await asyncio.to_thread(main, [*asked, "--yes", "--force"]) == 0
    assert "What it learned by its own rule (forgetting 0.9 instead of 1) is not used." in capsys.readouterr().out
    view = policies(client, TIER)
    assert view["change"]["evidence"]["own_rule"] == row["own_rule"]
    assert view["change"]["evidence"]["why"].endswith(NOTE)
    # Nothing that was learned changes with the switch: not even the rule that it was learned by.
    assert await stored_bytes(store, TIER) == before
    wait_until(lambda: decide(client, tier=TIER)["policy_version"] == view["version"], "in force")

    while await _rule_of_next(client, bus, store) != GAMMA:
        pass  # the gateway hears of it a moment later
    known = (await TierStore(store, TIER).changes()).arms
    decision = decide(client, tier=TIER)
    assert report_outcome(client, decision["decision_id"], quality=30.0).status_code == 202
    last = await bus.last(subjects.OUTCOMES, subjects.outcomes(TIER))
    assert last is not None
    await applied_through(store, TIER, last.sequence)
    arm = Arm(decision["provider"], decision["model"])
    state, x = (await TierStore(store, TIER).changes()).arms[arm], np.array(CONTEXT)
    # The tier goes on from its own A and b, by the promoted policy's rule.
    np.testing.assert_allclose(state.A, GAMMA * known[arm].A + (1 - GAMMA) * np.eye(3) + np.outer(x, x), rtol=1e-12)
    np.testing.assert_allclose(state.b, GAMMA * known[arm].b + 0.3 * x, rtol=1e-12)
    audit = await audit_tier(bus, store, TIER)
    assert audit.difference == ""

    # What served learns on for itself, as if it had not stepped down, and taking the switch back leaves that behind.
    wait_until(lambda: _row(client, "live")["decisions"] > 0, "the policy that stepped down is run")
    assert _row(client, "live")["own_rule"] == "forgetting 1 instead of 0.9"
    assert "learns by its own reward rule (forgetting 1 instead of 0.9)" in json.dumps(_row(client, "live"))


class _Terminal(io.StringIO):
    """What a person types."""

    def isatty(self) -> bool:
        return True
