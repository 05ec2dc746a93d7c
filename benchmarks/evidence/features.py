"""What the features of chat requests are worth on held-out prompts.

Learns from the first 1,785 prompts of the demo, by its reward rule, and values what was learned on the other 1,824:
the rewards of the models with the highest estimates. *Full information*: all outcomes, ridge. *Bandit*: only the
outcome of the model that was served, chosen by `scaled-linucb` as shipped, with the product's own estimates.
"""

from __future__ import annotations

import numpy as np

from benchmarks.evidence.learning import TRAIN
from benchmarks.evidence.life import Life, mean_and_error
from benchmarks.evidence.paragraph import paragraph
from benchmarks.evidence.world import World
from pointsman.cli.devtools.demo.data import Prompts, load_prompts
from pointsman.core.bandit import FloatArray, RewardRule, make_policy
from pointsman.core.features import make_extractor, view_request
from pointsman.core.features.chat import CHAT_NAMES
from pointsman.core.features.embedding import random_projection
from pointsman.core.features.meaning import DIRECTIONS, Meaning
from pointsman.core.features.request_view import RequestView, excerpt

LIVES = 20
RULE = RewardRule(lambda_cost=0.5, mu_latency=0.0, normalizer="fixed", cost_bounds_usd=(0.0, 0.0025))


class _RawMeaning(Meaning):
    """The embedding as it is, without a projection."""

    def embedding(self, view: RequestView) -> FloatArray:
        e = self._embed(excerpt(view.last_user_text)).astype(np.float64)
        return e / max(float(np.linalg.norm(e)), 1e-12)


def page(lives: int | None = None) -> str:
    """Simulate and return the page of the results."""
    lives = lives or LIVES
    prompts = load_prompts()
    quality = prompts.quality / 100.0
    norm = np.clip(prompts.cost_usd / RULE.cost_bounds_usd[1], 0.0, 1.0)
    rewards = np.clip(quality - RULE.lambda_cost * norm, 0.0, 1.0)
    best = int(rewards[:TRAIN].mean(axis=0).argmax())
    lines = [
        "# Evidence: features",
        "",
        *paragraph(
            f"Learned from the first {TRAIN:,} prompts of the demo, by its reward rule, and valued on the other "
            f"{len(prompts) - TRAIN:,}: the mean reward, 0 to 100, of the models with the highest estimates. *Full "
            "information*: ridge regression on the outcomes of all models. *Bandit*: only the outcomes of the "
            f"models that `scaled-linucb` served, in {lives} random orders; ±: standard error. Best single model "
            f"{100 * rewards[TRAIN:, best].mean():.2f}, oracle {100 * rewards[TRAIN:].max(axis=1).mean():.2f}."
        ),
        "| features | d | full information: 300, 1,785 outcomes | R² of quality | bandit: served first 500 | valued"
        " after 500 | valued after 1,785 |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, contexts in _contexts(prompts).items():
        full = [100 * _full_information(contexts, rewards, n) for n in (300, TRAIN)]
        world = World(name, prompts.arms, contexts, quality, prompts.cost_usd)
        runs = [mean_and_error(100.0 * run) for run in np.array([_bandit(world, rewards, s) for s in range(lives)]).T]
        shown = " | ".join(f"{mean:.2f} ± {error:.2f}" for mean, error in runs)
        explained = _explained(contexts, quality)
        lines.append(f"| {name} | {contexts.shape[1]} | {full[0]:.2f}, {full[1]:.2f} | {explained:.3f} | {shown} |")
    return "\n".join(lines) + "\n"


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


def _bandit(world: World, rewards: FloatArray, seed: int) -> tuple[float, float, float]:
    """Return the reward served over the first 500, and the greedy policy's held-out value after 500 and 1,785."""
    life = Life(world, make_policy("scaled-linucb"), RULE, seed)
    order = np.random.default_rng(seed).permutation(TRAIN).tolist()
    values = []
    for begin, end in ((0, 500), (500, TRAIN)):
        life.serve(order[begin:end])
        values.append(_value(life.estimates(np.arange(TRAIN, len(rewards))).mean, rewards))
    return float(rewards[life.prompts[:500], life.arms[:500]].mean()), values[0], values[1]
