from __future__ import annotations

import pytest

from pointsman.shadow.report.messages import Regret, ReportedEstimate, ReportedInterval
from pointsman.shadow.report.routing import nothing_to_learn, routing_finding
from pointsman.shadow.sums import hour_sums as fields
from pointsman.shadow.sums.hour_sums import HourSums, arm_field


def best(estimate: float, low: float, high: float) -> Regret:
    return Regret(
        best="p:one", delta=ReportedEstimate(estimate=estimate, always_valid=ReportedInterval(low=low, high=high))
    )


def estimates(first: dict[str, float], missed: float) -> HourSums:
    """Sums in which so many requests have each arm as the best; ``missed`` is the sum for the arm p:one."""
    counts = {arm_field(fields.FIRST, arm): number for arm, number in first.items()}
    active = {arm_field(fields.ACTIVE, arm): 10.0 for arm in ("p:one", "p:two")}
    return HourSums({**counts, **active, arm_field(fields.MISSED, "p:one"): missed})


ONE_IS_BEST = estimates({"p:one": 490.0, "p:two": 10.0}, 1.0)  # 98 %, 0.2 points


@pytest.mark.parametrize(
    ("delta", "start"),
    [
        (
            (-3.0, -5.0, -1.0),
            "Routing pays: always p:one would earn 3.0 points of reward per request less (1.0 to 5.0)",
        ),
        ((3.0, 1.0, 5.0), "Routing costs more than it earns: always p:one would earn 3.0 points"),
        ((0.1, -0.3, 0.4), "Routing earns as much as always p:one, to within 0.5 points"),
        ((0.1, -0.6, 0.4), "It is not certain yet whether routing pays: always p:one"),
    ],
)
def test_the_finding_follows_from_the_interval_and_not_from_the_estimate(
    delta: tuple[float, float, float], start: str
) -> None:
    assert routing_finding(best(*delta), HourSums()).startswith(start)


def test_one_arm_that_is_best_for_nearly_every_request_leaves_nothing_to_learn() -> None:
    sentence = nothing_to_learn(None, ONE_IS_BEST)
    assert sentence.startswith("Nothing to learn from the requests so far")
    assert "p:one as the best arm for 98 % of them, and expect 0.2 points" in sentence
    assert routing_finding(best(1.0, 0.2, 1.8), ONE_IS_BEST).startswith(sentence)


@pytest.mark.parametrize(
    ("against", "sums"),
    [
        (best(-3.0, -5.0, -1.0), ONE_IS_BEST),  # routing certainly pays
        (None, estimates({"p:one": 490.0, "p:two": 10.0}, 3.0)),  # 0.6 points expected
        (None, estimates({"p:one": 440.0, "p:two": 60.0}, 1.0)),  # another arm is best for 12 %
        (None, estimates({"p:one": 49.0}, 0.0)),  # too few outcomes
        (None, HourSums()),
    ],
)
def test_nothing_is_claimed_that_the_estimates_do_not_show(against: Regret | None, sums: HourSums) -> None:
    assert nothing_to_learn(against, sums) == ""
