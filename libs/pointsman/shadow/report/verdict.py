"""The verdict: what to do about a shadow policy, always with the reason and the numbers it rests on."""

from __future__ import annotations

import math
from typing import NamedTuple

from pointsman.shadow.report import messages
from pointsman.shadow.report.messages import PolicyReport, ReportedEstimate
from pointsman.shadow.report.number_format import about, bounds, dollars, percent, points, whole

MIN_REWARDED = 50
"""With fewer rewarded decisions no interval means anything."""
MIN_EFFECTIVE = 50.0
"""The same for the shadow's own choices among them."""
MAX_UNSUPPORTED = 0.01
"""A policy that makes more of its choices than this where the active one never does cannot be judged from the log."""
MAX_ERRORS = 0.01
"""A policy that raises more often than this is not one to serve from."""
EQUAL = 0.5
"""Points of reward. A difference that is surely smaller than this is no reason to switch."""


class Judgement(NamedTuple):
    """A verdict with its reason.

    Attributes
    ----------
    more_decisions : int or None
        About how many more decisions it takes, with ``keep watching``.
    """

    verdict: messages.Verdict
    why: str
    more_decisions: int | None = None


def judge(report: PolicyReport, more_rewarded: int | None) -> Judgement:
    """Return what the figures say. Only intervals that hold at every look decide, so looking often does no harm.

    Parameters
    ----------
    report : PolicyReport
        Complete but for the verdict.
    more_rewarded : int or None
        About how many more rewarded decisions it takes until the interval of the reward difference is narrower than the
        difference, if it stays as it is.
    """
    judged = _too_little(report) or _by_reward(report, more_rewarded)
    return judged._replace(why="; ".join([judged.why, *_left_behind(report)]))


def _too_little(report: PolicyReport) -> Judgement | None:
    """Return the verdict that needs no comparison of rewards, if there is one."""
    tried = report.decisions + report.errors
    if not tried:
        return Judgement("cannot tell", "no decision of the window was tried on it")
    if report.errors > MAX_ERRORS * tried:
        share = percent(report.errors / tried)
        return Judgement("do not promote", f"it raised on {whole(report.errors)} of {whole(tried)} decisions ({share})")
    if report.rewarded < MIN_REWARDED:
        some = "none" if report.rewarded == 0 else f"only {whole(report.rewarded)}"
        have = "has" if report.rewarded <= 1 else "have"
        why = f"{some} of {whole(report.decisions)} decisions {have} an outcome; it takes at least {MIN_REWARDED}"
        return Judgement("cannot tell", why, _in_decisions(MIN_REWARDED - report.rewarded, report))
    if report.unsupported is not None and report.unsupported > MAX_UNSUPPORTED:
        return Judgement(
            "cannot tell",
            f"too little overlap: {percent(report.unsupported)} of its choices are ones that the active policy never "
            "makes, so the log holds nothing about them. Let the active policy explore (epsilon above 0)",
        )
    if report.effective_sample_size < MIN_EFFECTIVE and not _certain(report.reward_delta) < 0:
        return Judgement(
            "cannot tell",
            f"too little overlap: {whole(report.rewarded)} decisions with outcome are worth only "
            f"{whole(report.effective_sample_size)} of its own; it takes at least {MIN_EFFECTIVE:.0f}",
        )
    return None


def _by_reward(report: PolicyReport, more_rewarded: int | None) -> Judgement:
    delta = report.reward_delta
    low, high = bounds(delta)
    if delta.estimate is None or low is None or high is None:
        return Judgement("cannot tell", "the reward difference cannot be estimated")
    evidence = f"reward {points(delta)} over {whole(report.rewarded)} decisions with outcome"
    if low > 0.0 and (worse := worse_lately(report)):
        return Judgement(
            "keep watching", "; ".join([f"better over the window, but {worse}", evidence, *_besides(report)])
        )
    if low > 0.0:
        return Judgement("promote", "; ".join([evidence, *_besides(report)]))
    if high < 0.0:
        return Judgement("do not promote", "; ".join([f"it earns less: {evidence}", *_besides(report)]))
    if low > -EQUAL and high < EQUAL:
        return Judgement("do not promote", "; ".join([f"no difference worth a switch: {evidence}", *_besides(report)]))
    more = None if more_rewarded is None else _in_decisions(more_rewarded, report)
    if more is None:
        wait = "so close to none that no number of decisions can be named that would tell"
    else:
        wait = f"about {about(more)} more decisions will tell, if the difference stays as it is"
    return Judgement("keep watching", "; ".join([f"not certain yet: {evidence}", *_besides(report), wait]), more)


def worse_lately(report: PolicyReport) -> str:
    """Return that it was worse in the last days, when the days differ; empty when it was not."""
    latest = report.drift.latest
    if not report.drift.changed or latest.high is None or latest.high >= 0.0:
        return ""
    return f"worse from {report.drift.latest_from} on: {points(latest, always_valid=False)}"


def _besides(report: PolicyReport) -> list[str]:
    """Return what is certain about quality and cost, and what makes the figures doubtful."""
    said = []
    falls = report.reward_delta.estimate is not None and report.reward_delta.estimate > 0.0
    if quality := _certain(report.quality_delta):
        what = "quality falls" if quality < 0 else "quality rises"
        said.append(f"{'but ' if quality < 0 and falls else ''}{what}: {points(report.quality_delta)}")
    elif report.quality_delta.estimate is not None:
        said.append(f"quality {points(report.quality_delta)}")
    if cost := _cost(report, falls):
        said.append(cost)
    if report.clipped.count:
        said.append(f"{whole(report.clipped.count)} weights were clipped, so it leans towards what was expected")
    if report.drift.changed:
        said.append("the days of the window differ, see drift")
    return said


def _left_behind(report: PolicyReport) -> list[str]:
    """Return what a promotion does not take along, of a policy that learns by a rule of its own."""
    if not report.own_rule:
        return []
    weighed = any(name in report.own_rule for name in ("lambda_cost", "mu_latency"))
    rewards = ", in rewards as the active policy counts them" if weighed else ""
    return [
        f"it learns by a rule of its own ({report.own_rule}): the figures are of what it has learned alone{rewards}; "
        "promoted, it goes on from what the tier has learned by the rule before"
    ]


def _cost(report: PolicyReport, falls: bool) -> str:
    delta = report.cost_delta.estimate
    if delta is None:
        return ""
    certain = _certain(report.cost_delta)
    share = ""
    if report.active_cost_usd:
        share = f"{abs(delta) / report.active_cost_usd:.0%}".replace("%", " %")
    amount = share or dollars(delta).lstrip("+−")
    if share == "0 %":
        return "costs about the same"
    if certain:
        return f"costs {amount} less" if certain < 0 else f"{'but ' if falls else ''}costs {amount} more"
    return f"costs about {amount} {'less' if delta < 0 else 'more'}, not certain" if delta else "costs the same"


def _certain(estimate: ReportedEstimate) -> int:
    """Return the sign of a difference if it is certain, else 0."""
    low, high = bounds(estimate)
    if low is None or high is None:
        return 0
    return 1 if low > 0.0 else -1 if high < 0.0 else 0


def _in_decisions(rewarded: int, report: PolicyReport) -> int | None:
    """Return how many decisions of the tier bring so many outcomes, going by those so far."""
    if not report.rewarded_share:
        return None
    return math.ceil(rewarded / (report.rewarded_share * report.sample))
