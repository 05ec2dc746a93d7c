"""A simulated world with known outcomes: real prompts, routed by a learning policy, with shadows."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsman.cli.devtools.demo.data import DataMissing, load_prompts
from pointsman.core.bandit import Arm, ArmStack, FloatArray, Learner, Policy, RewardRule, make_policy, sample
from pointsman.core.features import CHAT_NAMES, MEANING_DIM, NAMES, make_extractor, view_request
from pointsman.core.off_policy import terms, weight_spread

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
TABLES = ("routing_k3", "routing_k2_gsm8k")
DEMO_PROMPTS = 1_800
EPSILON = 0.1
FEATURES = {"prompt": len(NAMES), "chat": len(CHAT_NAMES), "meaning": MEANING_DIM}
"""Their number: those of `pointsman demo`, those of a gateway without a setting, and those `pointsman init` writes."""


@dataclass(frozen=True, slots=True)
class World:
    """Outcomes of every arm for every prompt.

    Attributes
    ----------
    name : str
    arms : tuple of Arm, length K
    contexts : ndarray, shape (n, d)
    quality : ndarray, shape (n, K)
        0 to 1.
    cost_usd : ndarray, shape (n, K)
    """

    name: str
    arms: tuple[Arm, ...]
    contexts: FloatArray
    quality: FloatArray
    cost_usd: FloatArray

    def rule(self) -> RewardRule:
        """Return the rule whose rewards depend on the outcome alone, so that the truth does not move."""
        low, high = float(self.cost_usd.min()), float(np.quantile(self.cost_usd, 0.95))
        return RewardRule(mu_latency=0.0, normalizer="fixed", cost_bounds_usd=(low, max(high, low + 1e-9)))

    def rewards(self, rule: RewardRule | None = None) -> FloatArray:
        """Return the reward of every arm for every prompt, 0 to 1, shape (n, K), latency apart.

        Parameters
        ----------
        rule : RewardRule, optional
            `rule` when left out. The scale of ``quantile`` is that of all costs of the world.
        """
        rule = rule or self.rule()
        low, high = rule.cost_bounds_usd
        if rule.normalizer == "quantile":
            low, high = 0.0, float(np.quantile(self.cost_usd, 0.99, axis=0).max())
        norm = np.clip((self.cost_usd - low) / (high - low), 0.0, 1.0)
        rewards: FloatArray = np.clip(self.quality - rule.lambda_cost * norm, 0.0, 1.0)
        return rewards


def load_worlds() -> list[World]:
    """Return the worlds with available data: the optional tables, and 1,800 of the demo's prompts."""
    worlds = load_tables()
    with contextlib.suppress(DataMissing):
        worlds.append(demo_world(DEMO_PROMPTS))
    return worlds


def load_tables() -> list[World]:
    """Return the optional tables outside the repository that are there."""
    return [_tables(name) for name in TABLES if (SHARED / f"{name}.npz").exists()]


def _tables(name: str) -> World:
    with np.load(SHARED / f"{name}.npz") as data:
        quality = data["quality"].astype(np.float64)
        arms = tuple(Arm("p", str(model)) for model in data["arms"])
        cost = data["cost_usd"] if "cost_usd" in data else np.tile(np.arange(1.0, len(arms) + 1), (len(quality), 1))
        return World(name, arms, data["features"].astype(np.float64), quality, cost.astype(np.float64))


def demo_world(limit: int | None = None, features: str = "prompt") -> World:
    """Return the world of the demo's prompts: all in the order of the files, or so many at random."""
    prompts = load_prompts()
    if limit is not None:
        prompts = prompts.shuffled(0, limit)
    extractor = make_extractor(features, FEATURES[features])
    views = [view_request({"messages": [{"role": "user", "content": text}]}, "openai") for text in prompts.texts]
    contexts = np.array([extractor.extract(view) for view in views])
    return World("demo", prompts.arms, contexts, prompts.quality / 100.0, prompts.cost_usd)


def five_shadows(world: World) -> dict[str, Policy]:
    """Return shadows of very different distance to the active policy."""
    dearest, cheapest = world.arms[-1], world.arms[0]
    return {
        "greedy": make_policy("epsilon-greedy", {"epsilon": 0.0}),
        "thompson": make_policy("thompson", {"v": 0.3}),
        "uniform": make_policy("uniform"),
        "always-dearest": make_policy(f"static:{dearest}"),
        "always-cheapest": make_policy(f"static:{cheapest}"),
    }


@dataclass(slots=True)
class Run:
    """One life of the world.

    Attributes
    ----------
    seen : ndarray, shape (R,)
        Of each rewarded decision, in the order in which its outcome came: how many decisions there were by then.
    vectors : mapping of shadow to ndarray, shape (R, 8)
        The terms of each.
    difference : mapping of shadow to ndarray, shape (N,)
        The truth: Σₖ (q − p) r for every decision, rewarded or not.
    spread : mapping of shadow to ndarray, shape (R, K)
        pₖ (wₖ − 1)² of each rewarded decision.
    error : ndarray, shape (R,)
        y − m of each.
    arm : ndarray, shape (R,)
        The index of the arm that served it.
    """

    seen: NDArray[np.int64]
    vectors: dict[str, FloatArray]
    difference: dict[str, FloatArray]
    spread: dict[str, FloatArray]
    error: FloatArray
    arm: NDArray[np.intp]


def live(
    world: World,
    shadows: Mapping[str, Policy],
    seed: int,
    *,
    decisions: int | None = None,
    missing: float = 0.7,
    delay: float = 50.0,
    active: Policy | None = None,
) -> Run:
    """Route prompts in random order; outcomes come late, out of order, and for some decisions never.

    Parameters
    ----------
    decisions : int, optional
        How many; every prompt once when left out. More than there are prompts go through them again.
    missing : float
        Share of decisions without an outcome, at random.
    delay : float
        Mean number of decisions between a decision and its outcome (exponential).
    active : Policy, optional
        LinUCB with ε = 0.1 when left out.
    """
    rng = np.random.default_rng(seed)
    policy = active or make_policy("linucb", {"alpha": 0.5, "epsilon": EPSILON})
    n = decisions or len(world.contexts)
    rounds = -(-n // len(world.contexts))
    order = np.concatenate([rng.permutation(len(world.contexts)) for _ in range(rounds)])[:n]
    rule, rewards = world.rule(), world.rewards()
    learner, stack = Learner(), ArmStack(world.contexts.shape[1])
    arriving: dict[int, list[int]] = {}
    p_all, m_all = np.empty((n, len(world.arms))), np.empty((n, len(world.arms)))
    q_all = {name: np.empty((n, len(world.arms))) for name in shadows}
    chosen = np.empty(n, dtype=np.intp)
    came: deque[tuple[int, int]] = deque()
    for t, prompt in enumerate(order.tolist()):
        for earlier in arriving.pop(t, ()):
            came.append((earlier, t))
            _learn(learner, stack, world, rule, order[earlier], int(chosen[earlier]), sequence=len(came))
        estimates = stack.select(world.arms).estimate(world.contexts[prompt][None])
        p = policy.probabilities(estimates)
        p_all[t], m_all[t] = p[0], np.clip(estimates.mean[0], 0.0, 1.0)
        for name, shadow in shadows.items():
            q_all[name][t] = shadow.probabilities(estimates)[0]
        chosen[t] = sample(p[0].tolist(), policy.exploration, float(rng.random())).candidate
        if rng.random() >= missing:
            arriving.setdefault(t + 1 + int(rng.exponential(delay)), []).append(t)
    at = np.array([earlier for earlier, _ in came], dtype=np.intp)
    truth = rewards[order]
    vectors = {
        name: terms(p_all[at], q[at], chosen[at], truth[at, chosen[at]], m_all[at]).vectors for name, q in q_all.items()
    }
    difference = {name: np.vecdot(q - p_all, truth) for name, q in q_all.items()}
    return Run(
        seen=np.array([now for _, now in came], dtype=np.int64),
        vectors=vectors,
        difference=difference,
        spread={name: weight_spread(p_all[at], q[at]) for name, q in q_all.items()},
        error=truth[at, chosen[at]] - m_all[at, chosen[at]],
        arm=chosen[at],
    )


def _learn(
    learner: Learner, stack: ArmStack, world: World, rule: RewardRule, prompt: int, arm: int, sequence: int
) -> None:
    which = world.arms[arm]
    learner.learn(
        which,
        world.contexts[prompt].tolist(),
        rule,
        sequence=sequence,
        at_ms=sequence,
        quality=100.0 * float(world.quality[prompt, arm]),
        cost_usd=float(world.cost_usd[prompt, arm]),
    )
    stack.put(which, learner.arms[which])
