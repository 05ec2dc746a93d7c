"""``python -m benchmarks.evidence.features``: what the features of chat requests are worth on held-out prompts.

Learns from the first 1,785 prompts of the demo, by its reward rule, and values what was learned on the other 1,824:
the rewards of the models with the highest estimates. *Full information*: all outcomes, ridge. *Bandit*: only the
outcome of the model that was served, chosen by `scaled-linucb` as shipped, with the product's own estimates.
"""

from __future__ import annotations

import argparse

import numpy as np

from pointsman.cli.devtools.demo.data import Prompts, load_prompts
from pointsman.core.bandit import ArmStack, FloatArray, Learner, RewardRule, make_policy, sample
from pointsman.core.features import make_extractor, view_request
from pointsman.core.features.chat import CHAT_NAMES
from pointsman.core.features.embedding import random_projection
from pointsman.core.features.meaning import DIRECTIONS, Meaning
from pointsman.core.features.request_view import RequestView, excerpt

TRAIN = 1_785
RULE = RewardRule(lambda_cost=0.5, mu_latency=0.0, normalizer="fixed", cost_bounds_usd=(0.0, 0.0025))


class _RawMeaning(Meaning):
    """The embedding as it is, without a projection."""

    def embedding(self, view: RequestView) -> FloatArray:
        e = self._embed(excerpt(view.last_user_text)).astype(np.float64)
        return e / max(float(np.linalg.norm(e)), 1e-12)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="orders of the prompts (%(default)s)")
    seeds = parser.parse_args().seeds
    prompts = load_prompts()
    quality = prompts.quality / 100.0
    norm = np.clip(prompts.cost_usd / RULE.cost_bounds_usd[1], 0.0, 1.0)
    rewards = np.clip(quality - RULE.lambda_cost * norm, 0.0, 1.0)
    best = int(rewards[:TRAIN].mean(axis=0).argmax())
    print(
        f"best single model {100 * rewards[TRAIN:, best].mean():.2f}, oracle {100 * rewards[TRAIN:].max(1).mean():.2f}"
    )
    print("| features | d | full information: 300, 1,785 outcomes | R² of quality | bandit: served first 500 |", end="")
    print(" valued after 500 | valued after 1,785 |\n|---|---:|---:|---:|---:|---:|---:|")
    for name, contexts in _contexts(prompts).items():
        full = [100 * _full_information(contexts, rewards, n) for n in (300, TRAIN)]
        runs = np.array([_bandit(contexts, prompts, rewards, seed) for seed in range(seeds)]) * 100
        error = runs.std(axis=0, ddof=1) / np.sqrt(seeds)
        shown = " | ".join(f"{m:.2f} ± {e:.2f}" for m, e in zip(runs.mean(axis=0), error, strict=True))
        print(
            f"| {name} | {contexts.shape[1]} | {full[0]:.2f}, {full[1]:.2f} | {_explained(contexts, quality):.3f}"
            f" | {shown} |",
            flush=True,
        )


def _contexts(prompts: Prompts) -> dict[str, FloatArray]:
    views = [view_request({"messages": [{"role": "user", "content": text}]}, "openai") for text in prompts.texts]
    extractor = make_extractor("meaning", len(CHAT_NAMES) + DIRECTIONS)
    meaning = np.array([extractor.extract(view) for view in views])
    raw = _RawMeaning()
    embedding = np.array([raw.embedding(view) for view in views])
    chat, one = meaning[:, : len(CHAT_NAMES)], np.ones((len(meaning), 1))
    train = embedding[:TRAIN] - embedding[:TRAIN].mean(axis=0)
    of_prompts = np.linalg.svd(train, full_matrices=False)[2][:DIRECTIONS]
    return {
        "chat": chat,
        "meaning (chat + shipped PCA)": meaning,
        "chat + PCA of these prompts": np.hstack([chat, embedding @ of_prompts.T]),
        "chat + random projection": np.hstack([chat, embedding @ random_projection(DIRECTIONS, 256).T]),
        "shipped PCA alone": np.hstack([one, meaning[:, len(CHAT_NAMES) :]]),
        "random projection alone": np.hstack([one, embedding @ random_projection(DIRECTIONS, 256).T]),
    }


def _ridge(x: FloatArray, y: FloatArray) -> FloatArray:
    theta: FloatArray = np.asarray(np.linalg.solve(x.T @ x + np.eye(x.shape[1]), x.T @ y), dtype=np.float64)
    return theta


def _full_information(x: FloatArray, rewards: FloatArray, outcomes: int) -> float:
    return _value(x[TRAIN:] @ _ridge(x[:outcomes], rewards[:outcomes]), rewards)


def _explained(x: FloatArray, quality: FloatArray) -> float:
    """Return the mean share of the variance of the quality on the held-out prompts that is predicted."""
    error = quality[TRAIN:] - x[TRAIN:] @ _ridge(x[:TRAIN], quality[:TRAIN])
    base = quality[TRAIN:] - quality[:TRAIN].mean(axis=0)
    return float(np.mean(1.0 - (error**2).sum(axis=0) / (base**2).sum(axis=0)))


def _value(estimates: FloatArray, rewards: FloatArray) -> float:
    chosen = estimates.argmax(axis=1)
    return float(rewards[TRAIN:][np.arange(len(chosen)), chosen].mean())


def _bandit(x: FloatArray, prompts: Prompts, rewards: FloatArray, seed: int) -> tuple[float, float, float]:
    """Return the reward served over the first 500, and the greedy policy's held-out value after 500 and 1,785."""
    rng = np.random.default_rng(seed)
    policy = make_policy("scaled-linucb")
    learner, stack = Learner(), ArmStack(x.shape[1])
    served, values = [], []
    for t, at in enumerate(rng.permutation(TRAIN).tolist(), start=1):
        p = policy.probabilities(stack.select(prompts.arms).estimate(x[at][None]))
        k = sample(p[0].tolist(), policy.exploration, float(rng.random())).candidate
        arm = prompts.arms[k]
        learner.learn(
            arm,
            x[at].tolist(),
            RULE,
            sequence=t,
            at_ms=t,
            quality=float(prompts.quality[at, k]),
            cost_usd=float(prompts.cost_usd[at, k]),
        )
        stack.put(arm, learner.arms[arm])
        served.append(rewards[at, k])
        if t in (500, TRAIN):
            values.append(_value(stack.select(prompts.arms).estimate(x[TRAIN:]).mean, rewards))
    return float(np.mean(served[:500])), values[0], values[1]


if __name__ == "__main__":
    main()
