"""Outcomes as the log has them."""

from __future__ import annotations

import random
from typing import Any

from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.outcome import Outcome
from pointsman.contracts.messages.subjects import outcomes
from pointsman.core.bandit import RewardRule
from pointsman.learning.applied_bits import AppliedBits
from pointsman.learning.ledger import LogEntry, TierLedger, read_outcome
from tests.support.factories import make_outcome

TIER = "SIMPLE"
ARMS = (("openai", "gpt-5"), ("ollama", "llama3.2"), ("openrouter", "meta-llama/llama-3.1-70b"))


def outcome(decision: int, **fields: Any) -> Outcome:
    """Return the outcome of a decision; what is not given is an ordinary one's."""
    ordinary = {"provider": "openai", "model": "gpt-5", "context": [1.0, 0.5, -0.5], "accepted_at_ms": 1_000}
    return make_outcome(decision, **{"tier": TIER, **ordinary, "quality": 80.0, **fields})


def read(message: Outcome, sequence: int) -> LogEntry:
    """Return the outcome as read from the log at a sequence."""
    return read_outcome(outcomes(TIER), encode(message), sequence, at_ms=sequence * 10)


def ledger() -> TierLedger:
    """Return the ledger of a log that is read from its beginning."""
    return TierLedger(bits=AppliedBits(complete=True))


def some_log(seed: int, length: int) -> list[LogEntry]:
    """Return a log with several arms, duplicates, degraded outcomes, wrong dimensions and what is no outcome."""
    rng = random.Random(seed)
    log = []
    for sequence in range(1, length + 1):
        provider, model = rng.choice(ARMS)
        message = outcome(
            rng.randint(1, max(2, length // 2)),
            provider=provider,
            model=model,
            context=[1.0, *[rng.gauss(0.0, 1.0) for _ in range(2 if rng.random() < 0.95 else 4)]],
            learn=rng.random() < 0.9,
            quality=rng.choice([None, rng.uniform(0.0, 100.0)]),
            cost_usd=rng.choice([None, rng.uniform(0.0, 0.1)]),
            latency_ms=rng.choice([None, rng.uniform(1.0, 5000.0)]),
            reward=rng.choice([None, None, rng.uniform(0.0, 100.0)]),
            rule=RewardRule(forgetting=rng.choice([1.0, 1.0, 0.99, 0.5])),
        )
        if rng.random() < 0.05:
            log.append(read_outcome(outcomes(TIER), encode(message)[:-20], sequence, at_ms=0))
        else:
            log.append(read(message, sequence))
    return log
