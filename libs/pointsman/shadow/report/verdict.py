"""The verdict on a shadow policy: what to do about it, with the reason and the numbers it is based on."""

import math
from typing import NamedTuple

from pointsman.shadow.report.messages import PolicyReport, ReportedEstimate, Verdict
from pointsman.shadow.report.number_format import about, bounds, dollars, percent, points, whole

MIN_REWARDED = 50
"""Rewarded decisions below which no interval is meaningful."""
MIN_EFFECTIVE = 50.0
"""The same for the effective sample size: the shadow's own choices among them."""
MAX_UNSUPPORTED = 0.01
"""Share of choices that the active policy never makes, above which a policy cannot be judged from the log."""
MAX_ERRORS = 0.01
"""Share of decisions with an error, above which a policy must not serve."""
EQUAL = 0.5
"""Points of reward. A difference that is certainly smaller is no reason to switch."""


class Judgement(NamedTuple):
    """A verdict with its reason.

    Attributes
    ----------
    more_decisions: With ``keep watching``, about how many more decisions are needed.
    """

    verdict: Verdict
    why: str
    more_decisions: int | None = None


def judge(report: PolicyReport, more_rewarded: int | None) -> Judgement:
    """Return the verdict. It uses always-valid intervals only, so frequent looks cause no errors.

    Parameters
    ----------
    report : PolicyReport
        Complete except for the verdict.
    more_rewarded : int or None
        About how many more rewarded decisions make the interval of the reward difference narrower than the difference,
        if it stays the same.
    """
    judged = _without_comparison(report) or _by_reward(report, more_rewarded)
    return judged._replace(why="; ".join([judged.why, *_own_rule_note(report)]))


def worse_recently(report: PolicyReport) -> str:
    """Return text if the days differ and the shadow was worse in the latest ones; empty if not."""
    latest = report.drift.latest
    if not report.drift.changed or latest.high is None or latest.high >= 0.0:
        return ""
    return f"worse from {report.drift.latest_from} on: {points(latest, always_valid=False)}"


def _without_comparison(report: PolicyReport) -> Judgement | None:
    """Return the verdict that needs no comparison of rewards, if there is one."""
    attempted = report.decisions + report.errors
    if not attempted:
        return Judgement("cannot tell", "it was not run on any decision of the window")
    if report.errors > MAX_ERRORS * attempted:
        share = percent(report.errors / attempted)
        why = f"it raised an error on {whole(report.errors)} of {whole(attempted)} decisions ({share})"
        return Judgement("do not promote", why)
    if report.rewarded < MIN_REWARDED:
        some = "none" if report.rewarded == 0 else f"only {whole(report.rewarded)}"
        have = "has" if report.rewarded <= 1 else "have"
        why = f"{some} of {whole(report.decisions)} decisions {have} an outcome; at least {MIN_REWARDED} are needed"
        return Judgement("cannot tell", why, _in_decisions(MIN_REWARDED - report.rewarded, report))
    if report.unsupported is not None and report.unsupported > MAX_UNSUPPORTED:
        return Judgement(
            "cannot tell",
            f"too little overlap: {percent(report.unsupported)} of its choices are ones that the active policy never "
            "makes, so the log has no data about them. Let the active policy explore (epsilon above 0)",
        )
    if report.effective_sample_size < MIN_EFFECTIVE and not _certain_sign(report.reward_delta) < 0:
        return Judgement(
            "cannot tell",
            f"too little overlap: {whole(report.rewarded)} decisions with an outcome are worth only "
            f"{whole(report.effective_sample_size)} of its own; at least {MIN_EFFECTIVE:.0f} are needed",
        )
    return None


def _by_reward(report: PolicyReport, more_rewarded: int | None) -> Judgement:
    delta, known = report.reward_delta, bounds(report.reward_delta)
    if delta.estimate is None or known is None:
        return Judgement("cannot tell", "the reward difference cannot be estimated")
    low, high = known
    evidence = f"reward {points(delta)} over {whole(report.rewarded)} decisions with an outcome"
    more = None
    if low > 0.0 and (worse := worse_recently(report)):
        verdict: Verdict = "keep watching"
        parts = [f"better over the window, but {worse}", evidence, *_side_notes(report)]
    elif low > 0.0:
        verdict, parts = "promote", [evidence, *_side_notes(report)]
    elif high < 0.0:
        verdict, parts = "do not promote", [f"it earns less: {evidence}", *_side_notes(report)]
    elif low > -EQUAL and high < EQUAL:
        verdict, parts = "do not promote", [f"no difference worth a switch: {evidence}", *_side_notes(report)]
    else:
        more = None if more_rewarded is None else _in_decisions(more_rewarded, report)
        if more is None:
            wait = "the difference is so close to zero that the number of decisions needed cannot be estimated"
        else:
            wait = f"about {about(more)} more decisions are needed if the difference stays the same"
        verdict, parts = "keep watching", [f"not certain yet: {evidence}", *_side_notes(report), wait]
    return Judgement(verdict, "; ".join(parts), more)


def _side_notes(report: PolicyReport) -> list[str]:
    """Return the differences in quality and cost, and reasons to doubt the figures."""
    notes = []
    falls = report.reward_delta.estimate is not None and report.reward_delta.estimate > 0.0
    if quality := _certain_sign(report.quality_delta):
        change = "quality falls" if quality < 0 else "quality rises"
        notes.append(f"{'but ' if quality < 0 and falls else ''}{change}: {points(report.quality_delta)}")
    elif report.quality_delta.estimate is not None:
        notes.append(f"quality {points(report.quality_delta)}")
    if cost := _cost_note(report, falls):
        notes.append(cost)
    if report.clipped.count:
        notes.append(
            f"{whole(report.clipped.count)} weights were clipped, which biases it towards the logged estimates"
        )
    if report.drift.changed:
        notes.append("the days of the window differ, see drift")
    return notes


def _own_rule_note(report: PolicyReport) -> list[str]:
    """Return what a promotion does not carry over, for a policy with its own reward rule."""
    if not report.own_rule:
        return []
    weighted = any(name in report.own_rule for name in ("lambda_cost", "mu_latency"))
    rewards = ", with rewards as the active policy computes them" if weighted else ""
    return [
        f"it learns by its own reward rule ({report.own_rule}): the figures are for its own A and b{rewards}; "
        "after a promotion it continues from what the tier has learned by the previous rule"
    ]


def _cost_note(report: PolicyReport, falls: bool) -> str:
    delta = report.cost_delta.estimate
    if delta is None:
        return ""
    certain = _certain_sign(report.cost_delta)
    share = percent(abs(delta) / report.active_cost_usd, 0) if report.active_cost_usd else ""
    amount = share or dollars(delta).lstrip("+−")
    if share == "0 %":
        return "costs about the same"
    if certain:
        return f"costs {amount} less" if certain < 0 else f"{'but ' if falls else ''}costs {amount} more"
    return f"costs about {amount} {'less' if delta < 0 else 'more'}, not certain" if delta else "costs the same"


def _certain_sign(estimate: ReportedEstimate) -> int:
    """Return the sign of a difference if it is certain, else 0."""
    low, high = bounds(estimate) or (0.0, 0.0)
    return 1 if low > 0.0 else -1 if high < 0.0 else 0


def _in_decisions(rewarded: int, report: PolicyReport) -> int | None:
    """Return how many decisions of the tier yield so many outcomes, at the rate so far."""
    if not report.rewarded_share:
        return None
    return math.ceil(rewarded / (report.rewarded_share * report.sample))
