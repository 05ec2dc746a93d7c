"""Drift of an arm: which outcomes are tested, and what an alarm changes."""

from __future__ import annotations

import numpy as np
import pytest

from pointsman.core.bandit import Alarm, Arm, ArmEstimate, ArmStack, DriftMonitor, Learner, RewardRule
from pointsman.core.bandit.drift import correction
from pointsman.learning.tier_store import ARM_FIELDS, decode_arm, encode_arm

ARM = Arm("openai", "gpt-5")
RULE = RewardRule(normalizer="fixed", cost_bounds_usd=(0.0, 0.1), latency_bounds_ms=(0.0, 10_000.0))


class World:
    """Serves one arm with noisy quality and cost, and learns, as the loop does."""

    def __init__(self, rule: RewardRule = RULE, *, stored: bool = False) -> None:
        self.learner, self.rule, self.stored = Learner(), rule, stored
        self.alarms: list[tuple[int, Alarm]] = []
        self.quality, self.cost, self.latency = 80.0, 0.005, 1_000.0
        self._rng = np.random.default_rng(7)
        self._t = 0

    def estimate(self, x: list[float]) -> ArmEstimate:
        stack = ArmStack(2)
        if ARM in self.learner.arms:
            stack.put(ARM, self.learner.arms[ARM])
        made = stack.select([ARM]).estimate(np.array([x]))
        return ArmEstimate(
            mean=float(made.mean[0, 0]),
            width=float(made.width[0, 0]),
            prior=float(made.prior[0, 0]),
            sigma=float(made.sigma[0]),
            pulls=int(made.pulls[0]),
        )

    def serve(self, n: int, *, old: ArmEstimate | None = None, estimated: bool = True) -> None:
        for _ in range(n):
            self._t += 1
            x = [1.0, float(self._rng.random())]
            noise = self._rng.standard_normal(3)
            self.learner.learn(
                ARM,
                x,
                self.rule,
                sequence=self._t,
                at_ms=self._t,
                quality=float(np.clip(self.quality + 10.0 * x[1] + 10.0 * noise[0], 0.0, 100.0)),
                cost_usd=float(self.cost * np.exp(0.3 * noise[1])),
                latency_ms=float(self.latency * np.exp(0.3 * noise[2])),
                estimate=(old or self.estimate(x)) if estimated else None,
            )
            if (alarm := self.learner.take_alarm()) is not None:
                self.alarms.append((self._t, alarm))
            if self.stored:
                encoded = encode_arm(self.learner.arms[ARM])
                values = [value if isinstance(value := encoded[name], bytes) else value.encode() for name in ARM_FIELDS]
                self.learner.arms[ARM] = decode_arm(values)


def test_a_worse_model_raises_an_alarm_and_its_estimates_are_corrected_at_once() -> None:
    world = World()
    world.serve(500)
    before = world.estimate([1.0, 0.5])
    world.quality -= 20.0
    world.serve(40)
    ((at, alarm),) = world.alarms
    assert alarm.signal == "reward"
    assert 500 < at <= 530
    assert abs(alarm.since_ms - 501) <= 10
    assert alarm.at_ms == at
    assert alarm.before == pytest.approx(before.mean, abs=0.06)
    assert 0.1 < alarm.before - alarm.after < 0.35  # of about ten outcomes, chosen because they are low
    after = world.estimate([1.0, 0.5])
    assert before.mean - after.mean == pytest.approx(0.2, abs=0.1)
    assert after.width > before.width
    assert world.learner.arms[ARM].theta()[1] == pytest.approx(0.1, abs=0.1)  # what was known about contexts is kept


def test_a_dearer_model_keeps_its_quality_and_the_expected_cost_follows() -> None:
    world = World()
    world.serve(500)
    world.cost *= 10.0
    world.serve(30)
    ((_, alarm),) = world.alarms
    assert alarm.signal == "cost"
    assert alarm.after / alarm.before == pytest.approx(10.0, rel=0.3)
    state = world.learner.arms[ARM]
    assert state.mean_cost_usd == pytest.approx(0.05, rel=0.3)
    quality, cost = np.linalg.solve(state.A, state.sums[[2, 3]].T).T @ [1.0, 0.5]
    assert quality == pytest.approx(0.85, abs=0.05)
    assert cost == pytest.approx(0.5, rel=0.3)
    assert world.estimate([1.0, 0.5]).mean == pytest.approx(quality - 0.3 * cost - 0.1 * 0.1, abs=0.03)


def test_a_slower_model_raises_an_alarm_about_its_latency() -> None:
    world = World()
    world.serve(500)
    world.latency *= 3.0
    world.serve(60)
    assert [alarm.signal for _, alarm in world.alarms] == ["latency"]
    assert world.alarms[0][1].after == pytest.approx(3_000.0, rel=0.3)


def test_outcomes_of_decisions_before_the_correction_raise_no_second_alarm() -> None:
    world = World()
    world.serve(500)
    old = world.estimate([1.0, 0.5])
    world.quality -= 20.0
    world.serve(300, old=old)
    assert len(world.alarms) == 1
    world.serve(300)
    assert len(world.alarms) == 1


def test_the_state_that_is_stored_after_every_outcome_gives_the_same_alarms_and_bytes() -> None:
    bytes_of = []
    for stored in (False, True):
        world = World(stored=stored)
        world.serve(300)
        world.quality -= 25.0
        world.serve(60)
        world.cost *= 10.0
        world.serve(60)
        assert [alarm.signal for _, alarm in world.alarms] == ["reward", "cost"]
        bytes_of.append(encode_arm(world.learner.arms[ARM]))
    assert bytes_of[0] == bytes_of[1]


@pytest.mark.parametrize("off", [{"estimated": False}, {"rule": RewardRule(normalizer="fixed", drift_alarm=False)}])
def test_without_an_estimate_or_with_the_alarm_off_an_arm_learns_as_the_reference_does(off: dict[str, object]) -> None:
    world = World(rule=off.get("rule", RULE))  # type: ignore[arg-type]  # RewardRule
    world.serve(200, estimated=off.get("estimated") is not False)
    world.quality -= 50.0
    world.serve(200, estimated=off.get("estimated") is not False)
    assert world.alarms == []
    assert world.learner.arms[ARM].drift is None


def test_a_change_of_the_weights_is_no_drift() -> None:
    world = World()
    world.serve(300)
    world.rule = RewardRule(
        lambda_cost=9.0, normalizer="fixed", cost_bounds_usd=(0.0, 0.1), latency_bounds_ms=(0.0, 10_000.0)
    )
    old = world.estimate([1.0, 0.5])
    world.serve(1, old=old)
    world.serve(100, old=old)  # decided with the weights before
    world.serve(200)
    assert world.alarms == []


def test_an_arm_that_was_never_tested_has_no_drift_state() -> None:
    world = World()
    world.serve(3, estimated=False)
    assert encode_arm(world.learner.arms[ARM])["drift"] == b""


def test_the_solution_does_not_depend_on_a_library_and_is_the_right_one() -> None:
    world = World()
    world.serve(100)
    state = world.learner.arms[ARM]
    expected = np.linalg.solve(state.A, state.sums.T).T
    np.testing.assert_allclose(correction._solve(state), expected, rtol=1e-10)


def test_the_monitor_is_read_as_it_was_written() -> None:
    world = World()
    world.serve(200)
    monitor = world.learner.arms[ARM].drift
    assert monitor is not None
    assert DriftMonitor.from_state(monitor.state(), 2).state().tobytes() == monitor.state().tobytes()
