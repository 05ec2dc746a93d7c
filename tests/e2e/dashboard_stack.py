"""A stack with API keys, decisions and outcomes, for the tests of the dashboard."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import httpx

from pointsman.contracts.access.key_file import add_key
from pointsman.contracts.access.keys import Scope, make_key
from tests.e2e.running_stack import RunningStack

TIER, SWITCHED = "SIMPLE", "COMPLEX"
"""The tier that is looked at, and another one to switch policies in."""
ARMS = ("ollama:llama3.2", "openai:gpt-4o-mini", "openrouter:meta-llama/llama-3.1-70b")
COST_USD = dict(zip(ARMS, (0.00002, 0.0004, 0.001), strict=True))
FEATURES = ("constant", "demand", *(f"signal {at}" for at in range(10)))
"""As many as a prompt has."""
DECISIONS, SWITCHED_DECISIONS = 300, 60
SEED = 6
CONFIG = f"""
[context]
dim = {len(FEATURES)}
names = {list(FEATURES)}

[gateway]
keys_file = "keys"

[policy]
algorithm = "linucb"
alpha = 0.8
epsilon = 0.5

[[tier]]
name = "{TIER}"
arms = {list(ARMS)}

[[tier]]
name = "{SWITCHED}"
arms = {list(ARMS)}

[[shadow]]
name = "greedy"
algorithm = "epsilon-greedy"
epsilon = 0.0

[[shadow]]
name = "cheapest"
algorithm = "cheapest"
"""
KEYS: dict[str, list[Scope]] = {
    "client": ["decide", "report"],
    "reader": ["read", "decide"],
    "operator": ["read", "decide", "admin"],
}


class DashboardStack(RunningStack):
    """The stack, its keys, and what was decided in it.

    Attributes
    ----------
    keys : dict of name to key
    decided : list of dict
        Every decision of `TIER`, as it was answered, in order.
    outcomes : int
        How many of them were given an outcome.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (folder / "pointsman.toml").write_text(CONFIG, encoding="utf-8")
        self.keys: dict[str, str] = {}
        for name, scopes in KEYS.items():
            self.keys[name], stored = make_key(name, scopes, None)
            add_key(folder / "keys", stored)
        self.decided: list[dict[str, Any]] = []
        self.outcomes = 0
        self._random = random.Random(SEED)

    @property
    def url(self) -> str:
        return str(self.file()["gateway"][0]["url"])

    def client(self, key: str) -> httpx.Client:
        """Return a client with one of the keys."""
        return httpx.Client(base_url=self.url, headers={"authorization": f"Bearer {self.keys[key]}"}, timeout=20.0)

    def read(self, path: str) -> Any:
        """Return a response of the API."""
        with self.client("operator") as client:
            answer = client.get(path)
            assert answer.status_code == 200, answer.text
            return answer.json()

    def decide(self, tier: str = TIER) -> dict[str, Any]:
        """Request one decision."""
        with self.client("client") as client:
            return self._decide(client, tier)

    def degrade(self) -> dict[str, Any]:
        """Get a degraded response while the replica is down; return when it is back.

        A request that is on its way when the replica is killed has another reason (a timeout), so none is.
        """
        os.kill(self.file()["decision"][0]["pid"], signal.SIGKILL)
        time.sleep(0.2)
        degraded: list[dict[str, Any]] = []
        with self.client("client") as client:

            def decided(is_degraded: bool) -> bool:
                answer = self._ask(client, TIER)
                if answer["degraded"]:
                    degraded.append(answer)
                return bool(answer["degraded"]) == is_degraded

            self.until(lambda: decided(True), "a degraded answer")
            self.until(lambda: decided(False), "the replica is back")
        return degraded[0]

    def learn_from_traffic(self) -> None:
        """Request decisions, report most outcomes, and wait until all services have processed them."""
        with self.client("client") as client:
            for tier, count in ((TIER, DECISIONS), (SWITCHED, SWITCHED_DECISIONS)):
                for number in range(count):
                    decision = self._decide(client, tier)
                    if tier == TIER:
                        self.decided.append(decision)
                    if number % 10:  # one in ten is not reported
                        self.outcomes += tier == TIER
                        self._report(client, decision)
        self.until(lambda: self._learned() == self.outcomes, "every outcome is applied")
        self.until(self._reported, "the report has every reward")

    def _decide(self, client: httpx.Client, tier: str) -> dict[str, Any]:
        decision = self._ask(client, tier)
        assert not decision["degraded"], decision
        return decision

    def _ask(self, client: httpx.Client, tier: str) -> dict[str, Any]:
        context = [1.0, *(round(self._random.random(), 3) for _ in range(len(FEATURES) - 1))]
        answer = client.post("/v1/decisions", json={"tier": tier, "context": context})
        assert answer.status_code == 200, answer.text
        return {**answer.json(), "context": context}

    def _report(self, client: httpx.Client, decision: dict[str, Any]) -> None:
        arm = f"{decision['provider']}:{decision['model']}"
        skill = 50.0 + 15.0 * ARMS.index(arm) + 20.0 * decision["context"][1]
        outcome = {
            "decision_id": decision["decision_id"],
            "quality": max(0.0, min(100.0, self._random.gauss(skill, 8.0))),
            "cost_usd": COST_USD[arm] * self._random.uniform(0.5, 1.5),
            "latency_ms": self._random.uniform(200.0, 2000.0),
        }
        answer = client.post("/v1/outcomes", json=outcome)
        assert answer.status_code == 202, answer.text

    def _learned(self) -> int:
        return sum(arm["n"] for arm in self.read(f"/v1/arms?tier={TIER}")["arms"])

    def _reported(self) -> bool:
        report = self.read(f"/v1/shadow/report?tier={TIER}")["policies"]
        totals = self.read(f"/v1/overview?tier={TIER}")["totals"]
        seen = [(row["decisions"], row["rewarded"]) for row in report] + [(totals["decisions"], totals["rewarded"])]
        return all(one == (DECISIONS, self.outcomes) for one in seen)
