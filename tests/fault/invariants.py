"""What must hold when everything is well again, whatever has happened: I1 to I5, rewards, replicas and the report.

I3 is in `tests.fault.healing`; I4 is what `tests.fault.load` writes down, judged here.
"""

from __future__ import annotations

import asyncio
import bisect
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from pointsman.runtime.store.store import Store
from pointsman.shadow.sums.hour_sums import HourSums
from tests.fault.aftermath import replica_is_current, report_is_complete
from tests.fault.cluster import STALE_AFTER_MS, TIERS, Cluster
from tests.fault.ledger import Ledger, Values
from tests.fault.model import Model, learn_all
from tests.fault.raw_log import Raw, Stream, read_stream
from tests.fault.snapshot import Contents, differences, expected, stored

ANSWERED_WITHIN_S = 5.0
BACK_S = 1.0
CLOCK_SLACK_MS = 100
STALE_SLACK_S = 0.5
SHOWN = 10


class InvariantBroken(AssertionError):
    """An invariant does not hold."""


@dataclass(slots=True)
class Findings:
    """What the check found.

    Attributes
    ----------
    lost : int
        Acknowledged, and not in its log or not counted.
    doubled : int
        In the log of decisions more than once, or counted more than once.
    problems : list of str
        Every line begins with the invariant's name.
    """

    lost: int = 0
    doubled: int = 0
    problems: list[str] = field(default_factory=list)

    def raise_problems(self) -> None:
        if self.problems:
            kinds = Counter(problem.partition(":")[0] for problem in self.problems)
            lines = "\n".join(self.problems[:SHOWN])
            raise InvariantBroken(f"{dict(kinds)}\n{lines}")


async def check(cluster: Cluster, ledger: Ledger) -> Findings:
    """Check everything. Nothing may be asked of the cluster meanwhile."""
    url = cluster.nats.url
    decisions, outcomes, rewards = await asyncio.gather(
        read_stream(url, "DECISIONS"), read_stream(url, "OUTCOMES"), read_stream(url, "REWARDS")
    )
    contents = {tier: await stored(cluster.store.url, tier) for tier in TIERS}
    # In a thread: the proxies share this event loop, and must not stand still for so long.
    logs = _Logs(decisions, outcomes, rewards)
    found, models = await asyncio.to_thread(_judge, cluster, ledger, logs, contents)
    found.problems += await replica_is_current(cluster, ledger, models)
    found.problems += await report_is_complete(cluster)
    found.problems += await _joined_once(cluster, models)
    return found


async def _joined_once(cluster: Cluster, models: dict[str, Model]) -> list[str]:
    """Every outcome that counted is joined once with each shadow. Waits until the evaluator has read the rewards."""
    if cluster.lost_outcomes:
        return []  # what was joined stays joined when its outcome is taken out of the log
    store, problems = Store(cluster.store.url), []
    try:
        for tier, model in models.items():
            (config,) = (section for section in cluster.config.tier if section.name == tier)
            for spec in cluster.config.shadows(config):
                for _ in range(100):
                    joined = await _joined(store, f"shadow:{{{tier}}}:{spec.identity}*")
                    if joined["hours"] >= len(model.counted):
                        break
                    await asyncio.sleep(0.2)
                if set(joined.values()) != {len(model.counted)}:
                    problems.append(f"joined: {tier} {spec.name}: {joined} rewards, not {len(model.counted)}")
    finally:
        await store.close()
    return problems


async def _joined(store: Store, pattern: str) -> dict[str, int]:
    """Return the number of rewards in the sums of hours and in those of days."""
    joined = {"hours": 0, "days": 0}
    async for name in store.redis.scan_iter(pattern, count=1000):
        if name.rpartition(b":")[2].isdigit() and b":picks:" not in name:
            fields: dict[bytes, bytes] = await store.redis.hgetall(name)  # type: ignore[assignment]  # never str
            joined["days" if b":day:" in name else "hours"] += HourSums.from_fields(fields).rewarded
    return joined


class _Logs(NamedTuple):
    decisions: Stream
    outcomes: Stream
    rewards: Stream


def _judge(
    cluster: Cluster, ledger: Ledger, logs: _Logs, contents: dict[str, Contents]
) -> tuple[Findings, dict[str, Model]]:
    """Check all invariants of the logs and the store; also return what must have been learned."""
    found = Findings()
    poison = cluster.poison.get("OUTCOMES", set())
    models = {tier: learn_all(logs.outcomes.messages, tier, poison) for tier in TIERS}
    _decisions_once(found, cluster, ledger, logs.decisions)
    _outcomes_counted(found, cluster, ledger, logs.outcomes, models)
    for tier, model in models.items():
        found.problems += [f"I2: {line}" for line in differences(contents[tier], expected(logs.outcomes, tier))]
        _same_sums(found, tier, contents[tier], model)
        found.problems += _rewards_complete(cluster, tier, logs.rewards, model)
    found.problems += _answers_good(ledger)
    found.problems += _staleness_is_reported(cluster, ledger, logs.decisions, logs.outcomes)
    return found, models


def _decisions_once(found: Findings, cluster: Cluster, ledger: Ledger, log: Stream) -> None:
    """I1 for decisions: each one acknowledged is in the log at the position of its id, and nowhere else."""
    by_sequence: dict[int, tuple[str, dict[str, Any]]] = {}
    nonces: Counter[str] = Counter()
    for message, event in _readable(log, cluster.poison.get("DECISIONS", set())):
        by_sequence[message.sequence] = (message.subject, event)
        nonces[event["nonce"]] += 1
    for id_, decided in ledger.acknowledged_decisions().items():
        tier, sequence, nonce = id_.split(".")
        subject, event = by_sequence.get(int(sequence), ("", {}))
        if event.get("nonce") != nonce or subject != f"log.decisions.{tier}":
            found.lost += 1
            found.problems.append(f"I1: decision {id_} is not in the log")
        elif nonces[nonce] != 1:
            found.doubled += 1
            found.problems.append(f"I1: decision {id_} is in the log {nonces[nonce]} times")
        elif (event["provider"], event["model"], event["propensity"]) != decided[1:4]:
            found.problems.append(f"I1: decision {id_} was answered with something else than is in the log")


def _outcomes_counted(found: Findings, cluster: Cluster, ledger: Ledger, log: Stream, models: dict[str, Model]) -> None:
    """I1 for outcomes: each one acknowledged is in the log, and its decision counted, with an acknowledged value."""
    poison = cluster.poison.get("OUTCOMES", set())
    logged = {decision["decision_id"] for _, decision in _readable(log, poison)}
    for id_, acknowledged in ledger.acknowledged_outcomes().items():
        if id_ not in logged:
            found.lost += 1
            found.problems.append(f"I1: outcome of {id_} is not in the log")
            continue
        if id_.startswith("fallback."):
            continue
        counted = models[id_.partition(".")[0]].counted.get(id_)
        if counted is None:
            found.lost += 1
            found.problems.append(f"I1: outcome of {id_} does not count")
        elif _values(counted) not in acknowledged:
            found.problems.append(f"I1: {id_} counts with {_values(counted)}; acknowledged: {acknowledged}")


def _same_sums(found: Findings, tier: str, contents: Contents, model: Model) -> None:
    """I2, by the plain second computation: A and b to the byte, and each outcome once."""
    for name, arm in model.arms.items():
        have = contents.get(f"arm:{{{tier}}}:{name}")
        if not isinstance(have, dict) or not have:
            found.problems.append(f"I2: plain replay: {tier} {name} is not in the store")
            found.lost += arm.n
            continue
        # An arm that a drift alarm has corrected is compared only with the log, byte by byte (`differences`).
        for matrix, value in () if _was_corrected(have) else (("A", arm.A), ("b", arm.b)):
            if have[matrix] != value.astype("<f8").tobytes():
                apart = np.abs(np.frombuffer(have[matrix], "<f8") - value.ravel()).max()
                found.problems.append(f"I2: plain replay: {tier} {name}: {matrix} differs by up to {apart:g}")
        count = int(have["n"])
        found.lost += max(0, arm.n - count)
        found.doubled += max(0, count - arm.n)
    bits = sum(int.from_bytes(v).bit_count() for v in contents.values() if isinstance(v, bytes))
    if bits != len(model.counted):
        found.problems.append(f"I2: plain replay: {tier}: {bits} applied bits, not {len(model.counted)}")


def _was_corrected(arm: dict[str, bytes]) -> bool:
    """Return whether an alarm was raised for an arm: the signal is the second number of its drift state."""
    drift = np.frombuffer(arm.get("drift", b""), "<f8")
    return len(drift) > 1 and drift[1] != 0.0


def _rewards_complete(cluster: Cluster, tier: str, log: Stream, model: Model) -> list[str]:
    """Every counted outcome has its reward in the stream; a repeated one is equal."""
    problems = []
    published: dict[int, dict[str, Any]] = {}
    for message, event in _readable(log, cluster.poison.get("REWARDS", set())):
        if message.subject != f"rewards.{tier}" or event["decision_id"] in cluster.lost_outcomes:
            continue
        event.pop("complete_through", None)
        first = published.setdefault(event["outcome_sequence"], event)
        if first != event:
            problems.append(f"rewards: {tier} {event['outcome_sequence']} came again as something else")
    for sequence, reward in model.rewards.items():
        if sequence not in published:
            problems.append(f"rewards: {tier} {sequence} has none")
        elif published[sequence]["reward"] != reward:
            problems.append(f"rewards: {tier} {sequence} is {published[sequence]['reward']}, not {reward}")
    surplus = published.keys() - model.rewards.keys()
    problems += [f"rewards: {tier} {sequence} has one, and does not count" for sequence in sorted(surplus)]
    return problems


def _answers_good(ledger: Ledger) -> list[str]:
    """I4: no 5xx but the documented 503; decisions answered all along, in time."""
    problems = [f"I4: {wrong}" for wrong in ledger.wrong]
    alone = (at_s for at_s in ledger.unanswered if not _excused(at_s, ledger.gateway_gone))
    problems += [f"I4: a decision had no answer, at {at_s:.3f}" for at_s in alone]
    for id_, decided in ledger.decisions.items():
        took_s = decided.answered_at_s - decided.asked_at_s
        if took_s > ANSWERED_WITHIN_S and not _excused(decided.asked_at_s, ledger.gateway_gone):
            problems.append(f"I4: decision {id_} took {took_s:.1f} s")
    return problems


def _staleness_is_reported(cluster: Cluster, ledger: Ledger, decisions: Stream, outcomes: Stream) -> list[str]:
    """I5: a decision on state older than the bound is marked stale, and the age in every decision is true."""
    problems = []
    for begin_s, end_s in ledger.blind:
        from_s = begin_s + STALE_AFTER_MS / 1000.0 + STALE_SLACK_S
        for id_, decided in ledger.decisions.items():
            blindly = from_s < decided.asked_at_s and decided.answered_at_s < end_s
            if blindly and not (decided.degraded or decided.stale):
                problems.append(
                    f"I5: {id_} is not marked stale after {decided.asked_at_s - begin_s:.1f} s without learning"
                )
    accepted = {
        tier: [(m.at_ns // 1_000_000, m.sequence) for m in outcomes.messages if m.subject == f"outcomes.{tier}"]
        for tier in TIERS
    }
    for message, event in _readable(decisions, cluster.poison.get("DECISIONS", set())):
        age_ms, tier = event.get("state_age_ms"), event["tier"]
        if age_ms is None:
            continue
        as_of_ms = event["decided_at_ms"] - age_ms - CLOCK_SLACK_MS
        before = bisect.bisect_left(accepted[tier], (as_of_ms, 0))
        missing = before and accepted[tier][before - 1][1] > event.get("state_watermark", 0)
        if missing:
            late_ms = as_of_ms - next(at for at, s in accepted[tier] if s > event.get("state_watermark", 0))
            problems.append(
                f"I5: decision {message.sequence} is older than its state_age_ms by {late_ms + CLOCK_SLACK_MS} ms"
            )
    return problems


def _readable(log: Stream, poison: set[int]) -> Iterator[tuple[Raw, dict[str, Any]]]:
    for message in log.messages:
        if message.sequence not in poison:
            yield message, json.loads(message.data)


def _values(outcome: dict[str, Any]) -> Values:
    return {
        name: outcome[name] for name in ("quality", "cost_usd", "latency_ms", "reward") if outcome.get(name) is not None
    }


def _excused(asked_at_s: float, gone: list[tuple[float, float]]) -> bool:
    """Return whether the time for an answer was not over when the gateway went, or it had not come back yet."""
    return any(begin_s - ANSWERED_WITHIN_S <= asked_at_s <= end_s + BACK_S for begin_s, end_s in gone)
