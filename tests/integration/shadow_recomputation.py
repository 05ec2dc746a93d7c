"""The shadow report's sums, computed once more from the logs alone: decision by decision, with nothing kept between."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import numpy as np
import pytest

from pointsman.contracts.config import Config
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.decision import DecisionEvent, event_decoder
from pointsman.contracts.messages.ids import DecisionId, parse_id
from pointsman.contracts.messages.outcome import Outcome, RewardEvent, outcome_decoder, reward_decoder
from pointsman.contracts.messages.policies import PolicySpec
from pointsman.core.bandit import Arm, Estimates, FloatArray, Policy, RewardRule, make_policy, sample
from pointsman.core.off_policy import Moments, terms
from pointsman.learning.applied_bits import AppliedBits
from pointsman.learning.ledger import TierLedger, read_outcome
from pointsman.runtime.bus import Bus, LogReader, StoredMessage
from pointsman.shadow.evaluation.draws import DRAW, SAMPLE, decision_keys, policy_key, uniforms
from pointsman.shadow.periods import HOUR_MS

REQUEST_TIMEOUT_S = 20.0
OUTCOMES = ("reward", "quality", "cost")


class Decided(NamedTuple):
    """A decision of the log."""

    sequence: int
    hour: int
    id: str
    event: DecisionEvent


@dataclass(slots=True)
class Sums:
    """What one policy's sums of one hour must be."""

    counts: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    vectors: dict[str, list[FloatArray]] = field(default_factory=lambda: {name: [] for name in OUTCOMES})
    clipped: int = 0
    bound: float = 0.0

    def moments(self, outcome: str) -> FloatArray:
        """Return Σ v vᵀ of an outcome's vectors."""
        return Moments.from_vectors(np.array(self.vectors[outcome]).reshape(-1, 8)).matrix


class Logs(NamedTuple):
    """The three logs of a tier; of the rewards the first one of each outcome."""

    decisions: list[Decided]
    outcomes: list[StoredMessage]
    rewards: dict[int, RewardEvent]


async def read_logs(bus: Bus, tier: str) -> Logs:
    """Read everything that there is of a tier."""
    decisions = [
        Decided(m.sequence, m.at_ms // HOUR_MS, "", event_decoder.decode(m.data))
        for m in await read_messages(bus, subjects.DECISIONS, subjects.decision_log(tier))
    ]
    decisions = [d._replace(id=str(DecisionId(tier, d.sequence, d.event.nonce))) for d in decisions]
    rewards: dict[int, RewardEvent] = {}
    for message in await read_messages(bus, subjects.REWARDS, subjects.rewards(tier)):
        reward = reward_decoder.decode(message.data)
        rewards.setdefault(reward.outcome_sequence, reward)
    return Logs(decisions, await read_messages(bus, subjects.OUTCOMES, subjects.outcomes(tier)), rewards)


async def read_messages(bus: Bus, stream: str, subject: str) -> list[StoredMessage]:
    """Return every message that a stream has of a subject right now."""
    last = await bus.last(stream, subject)
    found: list[StoredMessage] = []
    reader = LogReader(bus, stream, subject)
    while last is not None and (not found or found[-1].sequence < last.sequence):
        found += await reader.next_batch(wait_s=REQUEST_TIMEOUT_S)
    await reader.close()
    return found


def recompute(
    config: Config, spec: PolicySpec, active: PolicySpec, logs: Logs, clip: float | None = None
) -> dict[int, Sums]:
    """Return what one shadow's sums must be, by hour, when it was there from the first decision on."""
    own = _own_rule(config, spec, active)
    estimates = (
        [logged_estimates(d.event) for d in logs.decisions] if own is None else own_estimates(logs, own, learned=[])
    )
    policy = make_policy(spec.algorithm, spec.parameters)
    rewards = {parse_id(reward.decision_id).sequence: reward for reward in logs.rewards.values()}
    hours: dict[int, Sums] = defaultdict(Sums)
    for decided, known in zip(logs.decisions, estimates, strict=True):
        keys, key = decision_keys([decided.id]), policy_key(spec.identity)
        if spec.sample is not None and uniforms(keys[:, SAMPLE], key)[0] >= spec.sample:
            continue
        sums = hours[decided.hour]
        try:
            q = policy.probabilities(known)[0]
        except Exception:  # whatever a policy from outside raises
            sums.counts["errors"] += 1
            continue
        _add_decision(sums, decided, q, policy, float(uniforms(keys[:, DRAW], key)[0]))
        if decided.sequence in rewards:
            _add_reward(sums, decided, q, rewards[decided.sequence], clip)
    return hours


def recompute_arm(arm: str, logs: Logs) -> dict[int, Sums]:
    """Return what the sums of always choosing an arm must be."""
    rewards = {parse_id(reward.decision_id).sequence: reward for reward in logs.rewards.values()}
    hours: dict[int, Sums] = defaultdict(Sums)
    for decided in logs.decisions:
        if decided.sequence in rewards:
            names = [f"{s.provider}:{s.model}" for s in decided.event.scores]
            q = np.array([float(name == arm) for name in names])
            _add_reward(hours[decided.hour], decided, q, rewards[decided.sequence], None)
    for sums in hours.values():  # all else that is split by arm is kept once, with that of choosing any
        own = f"spread\t{arm}"
        sums.counts = defaultdict(float, {own: sums.counts[own]})
    return hours


def recompute_uniform(logs: Logs) -> dict[int, Sums]:
    """Return what the sums of choosing any candidate, all alike, must be."""
    rewards = {parse_id(reward.decision_id).sequence: reward for reward in logs.rewards.values()}
    hours: dict[int, Sums] = defaultdict(Sums)
    for decided in logs.decisions:
        if decided.sequence in rewards:
            k = len(decided.event.scores)
            sums = hours[decided.hour]
            _add_reward(sums, decided, np.full(k, 1.0 / k), rewards[decided.sequence], None)
            for score in decided.event.scores:
                sums.counts[f"active\t{score.provider}:{score.model}"] += score.probability
            names = [f"{score.provider}:{score.model}" for score in decided.event.scores]
            estimates = [min(max(score.mean + score.prior, 0.0), 1.0) for score in decided.event.scores]
            sums.counts[f"first\t{names[estimates.index(max(estimates))]}"] += 1
            for name, estimate in zip(names, estimates, strict=True):
                sums.counts[f"missed\t{name}"] += max(estimates) - estimate
    return hours


def recompute_activity(logs: Logs) -> dict[int, Sums]:
    """Return what the sums of the tier's activity must be."""
    rewards = {parse_id(reward.decision_id).sequence: reward for reward in logs.rewards.values()}
    hours: dict[int, Sums] = defaultdict(Sums)
    for decided in logs.decisions:
        event, counts = decided.event, hours[decided.hour].counts
        arm = f"{event.provider}:{event.model}"
        counts["decisions"] += 1
        counts[f"served\t{arm}"] += 1
        counts["explored"] += event.explored
        counts["pinned"] += event.pinned
        reward = rewards.get(decided.sequence)
        if reward is not None:
            counts[f"joined\t{arm}"] += 1
            counts[f"earned\t{arm}"] += reward.reward / 100.0
            counts[f"earned-square\t{arm}"] += (reward.reward / 100.0) ** 2
            counts[f"delayed\t{arm}"] += max(reward.accepted_at_ms - event.decided_at_ms, 0) / 1000.0
            counts[f"priced\t{arm}"] += reward.cost_usd is not None
            counts[f"paid\t{arm}"] += reward.cost_usd or 0.0
    return hours


def logged_estimates(event: DecisionEvent) -> Estimates:
    """Return what the active policy knew, according to the log."""
    scores = event.scores
    return Estimates(
        tuple(Arm(s.provider, s.model) for s in scores),
        np.array([[s.mean for s in scores]]),
        np.array([[s.width for s in scores]]),
        np.array([s.pulls for s in scores]),
        np.array([s.cost_usd for s in scores], dtype=np.float64),
    )


def own_estimates(logs: Logs, rule: RewardRule, learned: list[TierLedger]) -> list[Estimates]:
    """Return what a policy with a rule of its own knew of each decision, by a plain replay; list the ledger."""
    ledger, outcomes, known = TierLedger(bits=AppliedBits(complete=True)), iter(logs.outcomes), 0
    learned.append(ledger)
    ahead = next(outcomes, None)
    made = []
    for decided in logs.decisions:
        known = max(known, decided.event.state_watermark)
        while ahead is not None and ahead.sequence <= known:
            data = msgspec.json.encode(with_rule(outcome_decoder.decode(ahead.data), rule))
            ledger.apply(read_outcome(ahead.subject, data, ahead.sequence, ahead.at_ms))
            ahead = next(outcomes, None)
        logged, x = logged_estimates(decided.event), np.array(decided.event.context)
        states = [ledger.learner.arms.get(arm) for arm in logged.arms]
        mean = [float(np.linalg.solve(s.A, s.b) @ x) if s else 0.0 for s in states]
        width = [float(np.sqrt(x @ np.linalg.solve(s.A, x))) if s else float(np.sqrt(x @ x)) for s in states]
        pulls = np.array([s.n if s else 0 for s in states])
        made.append(logged._replace(mean=np.array([mean]), width=np.array([width]), pulls=pulls))
    return made


def with_rule(outcome: Outcome, rule: RewardRule) -> Outcome:
    """Return the outcome with the weights of another rule."""
    names = ("lambda_cost", "mu_latency", "forgetting")
    changed = msgspec.structs.replace(outcome.rule, **{name: getattr(rule, name) for name in names})
    return msgspec.structs.replace(outcome, rule=changed)


def assert_same(found: Iterable[tuple[int, object]], expected: dict[int, Sums]) -> None:
    """Compare the stored sums of every hour with what they must be, to 1e-9."""
    stored = dict(found)
    assert stored.keys() == expected.keys()
    for hour, sums in expected.items():
        have = stored[hour]
        counts = {name: value for name, value in sums.counts.items() if value}
        kept = {name: value for name, value in have.counts.items() if value}  # type: ignore[attr-defined]
        assert kept.keys() == counts.keys()
        assert kept == {name: _about(value) for name, value in counts.items()}
        for name in OUTCOMES:
            moments = getattr(have.statistics, name).matrix  # type: ignore[attr-defined]
            np.testing.assert_allclose(moments, sums.moments(name), rtol=1e-9, atol=1e-9)
        assert have.statistics.clipped == sums.clipped  # type: ignore[attr-defined]
        assert have.bound == _about(sums.bound)  # type: ignore[attr-defined]


def _about(value: float) -> object:
    return pytest.approx(value, rel=1e-9, abs=1e-9)


def _own_rule(config: Config, spec: PolicySpec, active: PolicySpec) -> RewardRule | None:
    own = spec.reward_rule(config.reward)
    return None if own == active.reward_rule(config.reward) else own


def _add_decision(sums: Sums, decided: Decided, q: FloatArray, policy: Policy, u: float) -> None:
    event = decided.event
    names = [f"{s.provider}:{s.model}" for s in event.scores]
    served = f"{event.provider}:{event.model}"
    drawn = names[sample(q, policy.exploration, u).candidate]
    counts = sums.counts
    counts["decisions"] += 1
    counts["agreed"] += drawn == served
    if drawn != served:
        counts[f"pair\t{served}\t{drawn}"] += 1
    counts[f"served\t{served}"] += 1
    for name, score, share in zip(names, event.scores, q.tolist(), strict=True):
        counts[f"active\t{name}"] += score.probability
        counts[f"shadow\t{name}"] += share
        counts["agreement"] += score.probability * share
        counts["gain"] += (share - score.probability) * min(max(score.mean, 0.0), 1.0)
        counts["unsupported"] += share if score.probability == 0.0 else 0.0


def _add_reward(sums: Sums, decided: Decided, q: FloatArray, reward: RewardEvent, clip: float | None) -> None:
    event = decided.event
    names = [f"{s.provider}:{s.model}" for s in event.scores]
    served = f"{event.provider}:{event.model}"
    chosen = np.array([names.index(served)])
    p = np.array([[s.probability for s in event.scores]])
    means = np.clip([[s.mean for s in event.scores]], 0.0, 1.0)
    costs = [s.cost_usd for s in event.scores]
    cost_model = np.array([[0.0 if None in costs else cost or 0.0 for cost in costs]])
    for name, outcome, model in (
        ("reward", reward.reward / 100.0, means),
        ("quality", reward.quality / 100.0 if reward.quality_reported else None, means),
        ("cost", reward.cost_usd, cost_model),
    ):
        if outcome is not None:
            made = terms(p, q[None], chosen, np.array([outcome]), model, clip)
            sums.vectors[name].append(made.vectors[0])
            _, _, wy, wm, y, m, gq, gp = made.vectors[0].tolist()
            sums.counts[f"{name}-square\t{served}"] += (y - m) ** 2
            if name != "reward":
                sums.counts[f"{'rated' if name == 'quality' else 'priced'}\t{served}"] += 1
            if name == "reward":
                sums.clipped += int(made.clipped[0] > 0.0)
                sums.counts[f"gained\t{served}"] += gq - gp + wy - wm - y + m
    sums.counts[f"joined\t{served}"] += 1
    for arm, score in zip(names, event.scores, strict=True):
        if score.pulls and score.cost_usd is None and reward.cost_usd is not None:
            sums.counts[f"silent\t{arm}"] += 1
    for arm, share, score in zip(names, q.tolist(), event.scores, strict=True):
        if score.probability:
            weight = min(share / score.probability, clip or 1e9)
            sums.counts[f"spread\t{arm}"] += score.probability * (weight - 1.0) ** 2
    possible = max(share / s.probability for share, s in zip(q.tolist(), event.scores, strict=True) if s.probability)
    sums.bound = max(sums.bound, possible if clip is None else min(possible, clip))
