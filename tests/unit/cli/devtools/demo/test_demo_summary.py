from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from pointsman.cli.devtools.demo.data import Prompts
from pointsman.cli.devtools.demo.learned import TierLearned
from pointsman.cli.devtools.demo.progress import progress_line, progress_table, sparkline
from pointsman.cli.devtools.demo.summary import alternatives, describe_rule, print_summary
from pointsman.cli.devtools.demo.tally import Tally
from pointsman.core.bandit import Arm, RewardRule
from pointsman.shadow.report.messages import Disagreements, PolicyReport, ReportedEstimate, ReportedInterval

RULE = RewardRule(lambda_cost=0.5, normalizer="fixed", cost_bounds_usd=(0.0, 0.01))


def some_tally() -> Tally:
    """Six prompts, two models; the small one is best on the even prompts."""
    quality = np.array([[90.0, 80.0], [40.0, 80.0]] * 3)
    prompts = Prompts(
        arms=(Arm("maker", "small"), Arm("maker", "large")),
        texts=tuple("abcdef"),
        quality=quality,
        cost_usd=np.array([[0.001, 0.004]] * 6),
    )
    tally = Tally(prompts, prompts.rewards(RULE), elapsed_s=2.0)
    for prompt, arm in enumerate([1, 0, 0, 1, 0, 1]):
        tally.add(prompt, arm, degraded=False)
    return tally


def shadow(
    name: str, decisions: int, agreement: float | None = None, cost: float | None = None, **fields: Any
) -> PolicyReport:
    required = {"tier": "DEMO", "algorithm": name, "errors": 0, "disagreements": Disagreements(count=0), "pairs": []}
    return PolicyReport(
        policy=name, decisions=decisions, agreement=agreement, cost_delta_usd=cost, **{**required, **fields}
    )


def test_every_alternative_is_valued_on_the_same_prompts() -> None:
    found = alternatives(some_tally(), "linucb", slice(None))
    assert list(found) == [
        "served by linucb",
        "uniform choice",
        "only small",
        "only large",
        "oracle (best reward)",
    ]
    assert found["only small"] == pytest.approx((60.0, 65.0, 0.001))
    assert found["only large"] == pytest.approx((60.0, 80.0, 0.004))
    assert found["uniform choice"] == pytest.approx((60.0, 72.5, 0.0025))
    assert found["oracle (best reward)"] == pytest.approx((72.5, 85.0, 0.0025))
    assert found["served by linucb"].reward == pytest.approx((60 + 35 + 85 + 60 + 85 + 60) / 6)


def test_the_oracle_serves_the_cheaper_of_two_equal_rewards() -> None:
    prompts = Prompts((Arm("m", "dear"), Arm("m", "cheap")), ("a",), np.array([[0.0, 0.0]]), np.array([[0.009, 0.002]]))
    tally = Tally(prompts, prompts.rewards(RULE))
    tally.add(0, 0, degraded=False)
    assert alternatives(tally, "x", slice(None))["oracle (best reward)"].cost_usd == 0.002


def test_no_alternative_earns_more_than_the_oracle() -> None:
    *others, oracle = alternatives(some_tally(), "linucb", slice(None)).values()
    assert all(other.reward <= oracle.reward for other in others)


def test_gains_compare_with_uniform_choice_on_the_same_prompts() -> None:
    assert some_tally().gains(3) == pytest.approx([(60 - 72.5 + 35 - 47.5) / 2, 12.5, 12.5])


def test_shares_sum_to_one() -> None:
    assert some_tally().shares().tolist() == [0.5, 0.5]
    assert some_tally().shares(slice(-1, None)).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("requests", [1, 2, 6])
def test_the_summary_fits_80_columns_however_few_requests_there_were(requests: int) -> None:
    tally = some_tally()
    few = Tally(tally.prompts, tally.rewards, elapsed_s=1.0)
    for prompt in range(requests):
        few.add(prompt, 0, degraded=prompt == 1)
    console = Console(file=io.StringIO(), width=80)
    reward = ReportedEstimate(estimate=-12.3, always_valid=ReportedInterval(low=-28.0, high=12.1))
    shadows = [
        shadow("greedy", requests, 0.5, -0.001),
        shadow("always-mistral", 3609, 0.5, -0.0001, rewarded=3609, reward_delta=reward, verdict="do not promote"),
    ]
    print_summary(console, few, RULE, "linucb", TierLearned(requests, 60.0), shadows)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "…" not in text
    for word in (
        "served by linucb",
        "uniform choice",
        "only small",
        "oracle",
        "greedy",
        "50.0%",
        "−1.000",
        "−12.3 (−28.0 to 12.1)",
    ):
        assert word in text


def test_a_shadow_that_has_no_figures_yet_is_shown_without_any() -> None:
    console = Console(file=io.StringIO(), width=80)
    print_summary(console, some_tally(), RULE, "linucb", TierLearned(0, 0.0), [shadow("greedy", 0)])


def test_progress_can_be_shown_before_the_first_request() -> None:
    prompts = some_tally().prompts
    empty = Tally(prompts, prompts.rewards(RULE))
    console = Console(file=io.StringIO())
    console.print(progress_table(empty))
    assert progress_line(empty) == "no request served yet"


def test_the_progress_line_has_requests_reward_and_shares() -> None:
    line = progress_line(some_tally())
    assert "6 of 6" in line
    assert "3 decisions/s" in line
    assert "small 50%, large 50%" in line


def test_a_sparkline_goes_from_the_lowest_bar_to_the_highest() -> None:
    assert sparkline([1.0, 2.0, 3.0]) == "▁▅█"
    assert len(sparkline([5.0, 5.0])) == 2


def test_the_rule_is_described_with_its_own_figures() -> None:
    assert "quality − 50 · min(1, cost in $ / 0.01)" in describe_rule(RULE)
    assert "cost on the scale of the tier" in describe_rule(RewardRule())
