"""The measures of the evidence: learnable share, lock-in, what moved, and when a share is reached."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.evidence.learning import SETTINGS, Gap, measure
from benchmarks.evidence.life import RULES, Answer, Life, shuffled
from benchmarks.evidence.robustness import LAST, REQUESTS, TRIED, locked_in, moved
from benchmarks.evidence.robustness import SETTINGS as LOCK_IN_SETTINGS
from benchmarks.evidence.starts import WINDOW, reached, with_bad_arm
from benchmarks.evidence.world import World
from pointsman.core.bandit import Arm, FloatArray, make_policy

RULE = RULES["demo's rule"]
HELD_OUT = np.arange(400, 600)


@pytest.fixture
def world() -> World:
    """Arm 1 is best for most prompts and arm 2 for the others, which a feature shows; costs differ by arm only."""
    other = np.random.default_rng(3).random(600) < 0.3
    quality = np.stack([np.full(600, 0.6), np.where(other, 0.4, 0.9), np.where(other, 0.9, 0.4)], axis=1)
    contexts = np.stack([np.ones(600), other], axis=1).astype(np.float64)
    return World(
        "made", tuple(Arm("p", name) for name in "abc"), contexts, quality, np.full((600, 3), [1e-4, 2e-4, 4e-4])
    )


def _always(arms: NDArray[Any]) -> FloatArray:
    p: FloatArray = np.eye(3)[arms.astype(int)]
    return p


def test_learnable_share_is_0_for_the_best_single_model_and_100_for_full_information(world: World) -> None:
    gap = Gap.of(world, RULE, 400)
    assert gap.best == 1
    assert gap.share(_always(np.ones(200)), HELD_OUT) == 0.0
    assert gap.share(_always(gap.full[HELD_OUT]), HELD_OUT) == pytest.approx(100.0)
    assert gap.share(_always(np.zeros(200)), HELD_OUT) < 0.0


def test_oracle_is_full_information_where_the_features_show_everything_and_beyond_it_elsewhere(world: World) -> None:
    oracle = _always(world.rewards(RULE)[HELD_OUT].argmax(axis=1))
    assert Gap.of(world, RULE, 400).share(oracle, HELD_OUT) == pytest.approx(100.0)
    world.contexts[:400, 1] = np.roll(world.contexts[:400, 1], 1)  # the feature is without meaning now
    blind = Gap.of(world, RULE, 400)
    assert blind.size(HELD_OUT) == 0.0
    assert np.isnan(blind.share(oracle, HELD_OUT))
    assert blind.points(oracle, HELD_OUT) > 10.0


def test_points_and_cost_ratio_are_relative_to_the_best_single_model(world: World) -> None:
    gap = Gap.of(world, RULE, 400)
    half = 0.5 * (_always(np.ones(200)) + _always(np.zeros(200)))
    of_zero = gap.points(_always(np.zeros(200)), HELD_OUT)
    assert gap.points(half, HELD_OUT) == pytest.approx(of_zero / 2)
    assert gap.cost_ratio(_always(np.ones(200)), HELD_OUT) == pytest.approx(1.0)
    assert gap.cost_ratio(half, HELD_OUT) == pytest.approx(0.75)


def test_shares_grow_with_the_requests_and_the_end_is_nearly_full_information(world: World) -> None:
    course = measure(world, RULE, "scaled-linucb (default)", 3, train=400, horizons=(5, 50, 400))
    shares = course.share.mean(axis=0)
    assert course.share.shape == (3, 3)
    assert shares[0] < shares[1] < shares[2]
    assert 80.0 < shares[2] <= 100.0
    assert set(SETTINGS) >= {"scaled-linucb (default)", "linucb α 1.5 ε 0.05"}


def test_lock_in_is_found_where_it_is_and_only_there(world: World) -> None:
    found = {}
    for name, setting in LOCK_IN_SETTINGS.items():
        life = Life(world, make_policy(*setting), RULE, seed=0)
        life.serve([prompt for _ in range(3) for prompt in shuffled(world, 0)][:REQUESTS])
        found[name] = locked_in(life.arms, 3)
    assert found.pop("linucb α 0.25 ε 0") == (True, True)
    assert set(found.values()) == {(False, False)}


def test_life_that_has_tried_the_best_model_is_one_sided_and_not_locked_in() -> None:
    assert locked_in([1] * TRIED + [0] * LAST, 3) == (True, True)
    assert locked_in([1] * (TRIED + 1) + [0] * LAST, 3) == (False, True)
    assert locked_in([0] * LAST + [1] * LAST, 3) == (False, False)
    assert locked_in(([0] * 9 + [2]) * LAST, 3) == (False, False)


def test_moved_is_the_share_of_requests_that_other_arms_get() -> None:
    assert moved(np.array([0.2, 0.8]), np.array([0.2, 0.8])) == 0.0
    assert moved(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 1.0
    assert moved(np.array([0.6, 0.4]), np.array([0.5, 0.5])) == pytest.approx(0.1)


def test_share_is_reached_when_the_window_has_it() -> None:
    assert reached(np.ones(200), 0.9) == WINDOW
    assert reached(np.repeat([0.0, 1.0], 100), 0.9) == 100 + round(0.9 * WINDOW)
    assert reached(np.zeros(900), 0.9) == 900


def test_added_arm_is_only_served_when_it_is_a_candidate(world: World) -> None:
    bigger = with_bad_arm(world, 0)
    life = Life(bigger, make_policy("uniform"), RULE, 0, candidates=[0, 2])
    life.serve(range(100))
    assert set(life.arms) == {0, 2}
    life.candidates = [0, 1, 2, 3]
    life.serve(range(100, 200))
    assert set(life.arms[100:]) == {0, 1, 2, 3}
    np.testing.assert_array_equal(np.array(life.p)[:100], np.tile([0.5, 0.0, 0.5, 0.0], (100, 1)))


def test_labels_are_learned_for_every_arm_without_being_served(world: World) -> None:
    life = Life(world, make_policy("scaled-linucb"), RULE, 0)
    life.import_labels(range(7))
    assert [life.learner.arms[arm].n for arm in world.arms] == [7, 7, 7]
    assert not life.arms
    assert life.estimates(np.arange(2)).pulls.tolist() == [7, 7, 7]


def test_lives_of_a_seed_are_equal_until_an_answer_differs(world: World) -> None:
    def answers(t: int, prompt: int, arm: int, _: np.random.Generator) -> Answer:
        quality = 0.0 if t == 20 else 100.0 * float(world.quality[prompt, arm])
        return Answer(quality, float(world.cost_usd[prompt, arm]))

    usual, changed = (Life(world, make_policy("scaled-linucb"), RULE, 5, answers=given) for given in (None, answers))
    for life in (usual, changed):
        life.serve(range(40))
    assert np.array_equal(usual.p[:21], changed.p[:21])
    assert not np.array_equal(usual.p[21:], changed.p[21:])
