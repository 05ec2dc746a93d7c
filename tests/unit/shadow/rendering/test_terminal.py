from __future__ import annotations

import io

from rich.console import Console

from pointsman.contracts.config.reporting import RegretConfig
from pointsman.contracts.messages.policies import PolicySpec
from pointsman.shadow.rendering.terminal import print_report
from pointsman.shadow.report.messages import Report, Window
from pointsman.shadow.report.policy import policy_report
from pointsman.shadow.report.regret import regret
from tests.unit.shadow.report.synthetic_log import Log, fixed_arms


def printed(report: Report, width: int = 160) -> str:
    out = io.StringIO()
    print_report(Console(file=out, width=width, highlight=False, soft_wrap=True), report, "the last 7 days")
    return out.getvalue()


def test_the_table_has_intervals_verdict_reason_and_regret() -> None:
    log = Log(rewarded=0.3)
    policy = policy_report("S", PolicySpec(name="bo[ld", algorithm="uniform"), "a", log.hours(9000), {}, 0.95)
    found = regret("S", "a", {}, fixed_arms(log, 9000), RegretConfig(), 0.95)
    shown = printed(Report(window=Window(from_ms=0, to_ms=1), policies=[policy], regret=[found]))
    assert policy.reward_delta.estimate is not None
    first = next(line.split() for line in shown.splitlines() if line.strip().startswith("bo[ld"))
    assert (first[1], first[-1]) == ("9,000", "promote")
    assert f"+{policy.reward_delta.estimate:.1f}" in first
    assert f"bo[ld, S: promote: {policy.why}" in shown
    assert "always-valid 95 % interval" in shown
    assert "regret in S: " in shown and "against the best fixed arm, p:large" in shown
    assert "p:small underperforms: it would earn" in shown


def test_a_narrow_terminal_is_shown_less_and_nothing_is_cut() -> None:
    policy = policy_report("S", PolicySpec(name="bold", algorithm="uniform"), "a", Log().hours(9000), {}, 0.95)
    shown = printed(Report(window=Window(from_ms=0, to_ms=1), policies=[policy]), width=80)
    assert "…" not in shown
    assert "quality\n" not in shown
    assert "promote" in shown


def test_names_stay_whole_in_any_terminal() -> None:
    spec = PolicySpec(name="a-longer-name", algorithm="uniform")
    policy = policy_report("COMPLEX", spec, "a", Log().hours(9000), {}, 0.95)
    for width in (50, 79, 80, 120):
        shown = printed(Report(window=Window(from_ms=0, to_ms=1), policies=[policy]), width)
        table = shown[: shown.index("differences to")]
        assert "a-longer-name" in table and "promote" in table and "…" not in table, width
