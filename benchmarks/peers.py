"""The kernel's contenders: Pointsman, and three published bandit libraries, all trained on the same data.

Each is called the way its own documentation does for choosing one of K arms for a context, and gets the context in
the form it takes: an array of float64, or, for Vowpal Wabbit, a line of text that is written, parsed and scored.
"""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from pointsman.core.bandit import Arm, ArmStack, ArmState, FloatArray, LinUCB, sample, sample_rows

ALPHA = 1.5
EPSILON = 0.05


class Data(NamedTuple):
    """What everyone learns from, and what they are asked.

    Attributes
    ----------
    contexts : ndarray, shape (n, d)
    pulled : ndarray, shape (n,), int
        Which arm each outcome is of.
    rewards : ndarray, shape (n,)
        0 to 1.
    asked : ndarray, shape (m, d)
        Contexts to decide on.
    """

    contexts: FloatArray
    pulled: np.ndarray[Any, np.dtype[np.int64]]
    rewards: FloatArray
    asked: FloatArray


class Contender(NamedTuple):
    """A way to decide.

    Attributes
    ----------
    name : str
    at_once : int
        Decisions that one call makes.
    call : callable
        Takes what ``inputs`` has one of.
    inputs : list
    """

    name: str
    at_once: int
    call: Callable[[Any], Any]
    inputs: list[Any]


def make_data(k: int, d: int, asked: int, seed: int = 7) -> Data:
    """Draw ten outcomes for each arm and the contexts to decide on, each with a constant 1 as last feature."""
    rng = np.random.default_rng(seed)
    n = 10 * k
    x = rng.normal(scale=0.5, size=(n + asked, d))
    x[:, -1] = 1.0
    truth = rng.normal(scale=0.3, size=(k, d))
    pulled = np.arange(n) % k
    rewards = np.clip(0.5 + np.vecdot(x[:n], truth[pulled]) + rng.normal(scale=0.1, size=n), 0.0, 1.0)
    return Data(x[:n], pulled, rewards, x[n:])


def contenders(k: int, d: int, batch: int) -> list[Contender]:
    """Train everyone for K arms with d features."""
    data = make_data(k, d, asked=4 * batch)
    return [*_pointsman(data, k, batch), *_mabwiser(data, k, batch), _paretobandit(data, k), *_vowpal_wabbit(data, k)]


def trained_stack(data: Data, k: int) -> tuple[ArmStack, list[Arm], ArmState]:
    """Return Pointsman's stack after the data, its arms, and the state of the first."""
    d = data.contexts.shape[1]
    arms = [Arm("provider", f"model-{at}") for at in range(k)]
    states = [ArmState.fresh(d) for _ in arms]
    for x, at, reward in zip(data.contexts, data.pulled, data.rewards, strict=True):
        states[at].observe(x, float(reward))
    stack = ArmStack(d)
    for arm, state in zip(arms, states, strict=True):
        stack.put(arm, state)
    return stack, arms, states[0]


def _pointsman(data: Data, k: int, batch: int) -> list[Contender]:
    stack, arms, _ = trained_stack(data, k)
    selection = stack.select(arms)
    policy = LinUCB(ALPHA, EPSILON)
    generator = np.random.default_rng(1)

    def one(x: FloatArray) -> Any:
        p = policy.probabilities(selection.estimate(x))
        return sample(p[0].tolist(), policy.exploration, random.random())

    def many(x: FloatArray) -> Any:
        p = policy.probabilities(selection.estimate(x))
        return sample_rows(p, policy.exploration, generator.random(len(x)))

    return [Contender("pointsman", 1, one, _rows(data)), Contender("pointsman", batch, many, _blocks(data, batch))]


def _mabwiser(data: Data, k: int, batch: int) -> list[Contender]:
    mab = importlib.import_module("mabwiser.mab")
    model = mab.MAB(list(range(k)), mab.LearningPolicy.LinUCB(alpha=ALPHA, l2_lambda=1.0))
    model.fit(data.pulled.tolist(), data.rewards, data.contexts)
    return [
        Contender("mabwiser", 1, model.predict, _rows(data)),
        Contender("mabwiser", batch, model.predict, _blocks(data, batch)),
    ]


def _paretobandit(data: Data, k: int) -> Contender:
    """Its LinUCB alone, without the router around it that also filters, prices and logs."""
    policy = importlib.import_module("pareto_bandit.policy")
    names = [f"model-{at}" for at in range(k)]
    model = policy.DisjointLinUCBPolicy(names, dim=data.contexts.shape[1], alpha=ALPHA, seed=1)
    for x, at, reward in zip(data.contexts, data.pulled, data.rewards, strict=True):
        model.update(names[at], x, float(reward))
    return Contender("paretobandit", 1, model.select_arm, list(data.asked))


def _vowpal_wabbit(data: Data, k: int) -> list[Contender]:
    """One linear model for each arm (shared × action features), ε-greedy: it computes no widths, and so less.

    Called twice: with the whole example as text, as its documentation does; and with the arms' lines parsed once for
    all, so that only the context is parsed.
    """
    vw = importlib.import_module("vowpalwabbit")
    flags = f"--cb_explore_adf --epsilon {EPSILON} --cb_type mtr -q sa --quiet"
    model = vw.Workspace(flags)
    actions = [f"|a {at}" for at in range(k)]

    def shared(context: list[float]) -> str:
        return "shared |s " + " ".join([f"{at}:{value:.7g}" for at, value in enumerate(context)])

    for x, at, reward in zip(data.contexts, data.pulled.tolist(), data.rewards, strict=True):
        labelled = [f"0:{-reward:.6f}:{1 / k:.6f} {line}" if i == at else line for i, line in enumerate(actions)]
        model.learn("\n".join([shared(x.tolist()), *labelled]))
    tail = "\n" + "\n".join(actions)
    parsed = model.parse(["shared |s 0:1", *actions])[1:]

    def whole(context: list[float]) -> Any:
        return _drawn(model.predict(shared(context) + tail))

    def context_only(context: list[float]) -> Any:
        line = model.parse(shared(context))
        probabilities = model.predict([*line, *parsed])
        model.finish_example(line)
        return _drawn(probabilities)

    inputs = data.asked.tolist()
    return [Contender("vowpalwabbit", 1, whole, inputs), Contender("vowpalwabbit-parsed-arms", 1, context_only, inputs)]


def _drawn(probabilities: list[float]) -> int:
    u = random.random()
    for at, p in enumerate(probabilities):
        u -= p
        if u < 0.0:
            return at
    return len(probabilities) - 1


def _rows(data: Data) -> list[FloatArray]:
    return [x[None] for x in data.asked]


def _blocks(data: Data, batch: int) -> list[FloatArray]:
    return [data.asked[at : at + batch] for at in range(0, len(data.asked) - batch + 1, batch)]
