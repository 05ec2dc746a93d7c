"""JSON types of the shadow report: the response of the API, and the input of the page and the command line.

Rewards and qualities are on the scale of the API, 0 to 100; costs are US dollars per decision. A difference is the
shadow's value less that of the active policy, per decision. What the data cannot give is null.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

Verdict = Literal["promote", "keep watching", "do not promote", "cannot tell"]


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """The period of a report, in Unix milliseconds; whole hours."""

    from_ms: int = msgspec.field(name="from")
    to_ms: int = msgspec.field(name="to")


class ReportedInterval(msgspec.Struct, frozen=True, kw_only=True):
    """An interval that contains the true value with the confidence of its estimate.

    Attributes
    ----------
    low, high: None while there are too few decisions with an outcome.
    method: How it was computed.
    """

    low: float | None = None
    high: float | None = None
    method: str = ""


class ReportedEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """An estimate with two intervals of the same coverage.

    Attributes
    ----------
    estimate: None while no decision has an outcome.
    low, high: The interval for a single look at an amount of data that was fixed in advance: ``estimate`` ± z standard
        errors.
    method: The estimator: ``dr``, ``sndr``, ``dm``, ``ips`` or ``snips``.
    confidence: The probability that each interval contains the true value, 0 to 1.
    always_valid: The always-valid interval: it holds at all looks together, whenever you stop. It is wider.
    """

    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    method: str = ""
    confidence: float = 0.95
    always_valid: ReportedInterval = ReportedInterval()

    def map(self, function: Callable[[float], float]) -> ReportedEstimate:
        """Return the estimate with an increasing function applied to it and to the ends of its intervals."""

        def apply(number: float | None) -> float | None:
            return None if number is None else function(number)

        always = self.always_valid
        return ReportedEstimate(
            estimate=apply(self.estimate),
            low=apply(self.low),
            high=apply(self.high),
            method=self.method,
            confidence=self.confidence,
            always_valid=ReportedInterval(low=apply(always.low), high=apply(always.high), method=always.method),
        )


class ReportedEstimates(msgspec.Struct, frozen=True, kw_only=True):
    """The shadow's mean reward by every estimator. If they differ a lot, trust none of them.

    Attributes
    ----------
    active: Mean reward of the active policy, over the decisions that have one.
    dm: Direct method: the logged estimates alone.
    ips, snips: Inverse propensity scores, and their self-normalized form.
    dr, sndr: Doubly robust, and its self-normalized form.
    """

    active: float | None = None
    dm: ReportedEstimate = ReportedEstimate(method="dm")
    ips: ReportedEstimate = ReportedEstimate(method="ips")
    snips: ReportedEstimate = ReportedEstimate(method="snips")
    dr: ReportedEstimate = ReportedEstimate(method="dr")
    sndr: ReportedEstimate = ReportedEstimate(method="sndr")


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """How often one arm was served and the shadow chose another."""

    active: str
    shadow: str
    count: int


class Disagreements(msgspec.Struct, frozen=True, kw_only=True):
    """Decisions in which the shadow chose another arm than the one that was served.

    Attributes
    ----------
    count: According to the draws of both policies.
    expected_share: Expected share of such decisions, 0 to 1, from the two distributions alone.
    reward_delta, quality_delta: The difference per such decision. Equal choices have the same outcome, so it is the
        difference per decision divided by ``expected_share``.
    """

    count: int
    expected_share: float | None = None
    reward_delta: ReportedEstimate = ReportedEstimate()
    quality_delta: ReportedEstimate = ReportedEstimate()


class ArmShare(msgspec.Struct, frozen=True, kw_only=True):
    """How many of the decisions that an arm served have an outcome.

    Attributes
    ----------
    share: ``rewarded`` / ``served``.
    """

    arm: str
    served: int
    rewarded: int
    share: float | None = None


class RewardedBias(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the decisions that have an outcome are like those that have none.

    Attributes
    ----------
    model_gain_all, model_gain_rewarded: The gain of the shadow that the logged estimates predict: over all decisions,
        and over those with an outcome. If these differ a lot, the requests with an outcome are not typical.
    arms: By the arm that was served, most served first.
    reweighted: The reward difference if each served arm is weighted by its share of all decisions instead of its share
        of those with an outcome.
    shift: ``reweighted`` less the reward difference.
    """

    model_gain_all: float | None = None
    model_gain_rewarded: float | None = None
    arms: list[ArmShare] = []
    reweighted: float | None = None
    shift: float | None = None


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """One day (UTC) of the window.

    Attributes
    ----------
    day: For example ``2026-11-22``.
    rewarded: Decisions of this day that have an outcome.
    agreement: 0 to 1.
    reward_delta: Over the decisions of this day only.
    """

    day: str
    decisions: int
    rewarded: int
    agreement: float | None = None
    reward_delta: ReportedEstimate = ReportedEstimate()


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the comparison had the same result over the whole window.

    Attributes
    ----------
    days: The days that have decisions, in order.
    changed: Whether the days differ by more than chance explains, at a level of 1 %.
    latest_from: First day of the latest days that together are enough to estimate the reward difference; empty if all
        days are not enough.
    latest: The reward difference over those days only.
    text: The result as a sentence.
    """

    days: list[Day] = []
    changed: bool = False
    latest_from: str = ""
    latest: ReportedEstimate = ReportedEstimate()
    text: str = ""


class Clipped(msgspec.Struct, frozen=True, kw_only=True):
    """Importance weights that were clipped. Each clip biases the estimates towards the logged estimates.

    Attributes
    ----------
    count: Number of clipped weights.
    mass: The weight that was cut off, as a share of all weight, 0 to 1.
    """

    count: int = 0
    mass: float = 0.0


class PolicyReport(msgspec.Struct, frozen=True, kw_only=True):
    """One shadow policy in one tier, compared with the policy that is active there.

    Attributes
    ----------
    active: Name of the active policy. No figure includes decisions of policies that were active before.
    decisions: Decisions of the window that the shadow was run on.
    errors: Number of decisions on which the shadow raised an error; no other figure includes them.
    sample: Share of the decisions that the shadow is run on, 0 to 1.
    rewarded: Decisions that have an outcome.
    rewarded_share: ``rewarded`` / ``decisions``.
    rewarded_bias: Whether the decisions with an outcome are like the others.
    agreement: Share of decisions in which the shadow drew the arm that was served, 0 to 1.
    expected_agreement: The same without chance: the mean of Σₖ p(k) q(k) over the two distributions.
    cost_delta_usd: ``cost_delta.estimate``; before any outcome reports a cost, the expected difference at each arm's
        mean cost.
    cost_delta_method: ``dr``, or ``arm-means``: an arm is assumed to cost the same on the requests that a policy would
        send to it as on those it received so far, or its configured price. If it received the requests it is cheap on,
        it looks cheaper than it is.
    cost_unknown: With ``arm-means``: arms that either policy uses and whose cost is unknown.
    cost_delta: US dollars per decision, from the costs that outcomes report.
    active_cost_usd: Mean cost of a decision as it was served, over those whose cost is reported.
    reward_delta, quality_delta: 0 to 100.
    disagreements: The decisions in which the two chose different arms.
    pairs: The disagreements by pair of arms, most frequent first.
    drift: The comparison by day.
    estimates: The shadow's mean reward, 0 to 100, by every estimator.
    effective_sample_size: How many decisions of its own the shadow's rewarded decisions are worth: (Σw)² / Σw².
    clipped: Weights that were clipped.
    unsupported: Share of the shadow's choices that the active policy never makes, 0 to 1: the log has no data about
        them.
    unjoined: Outcomes that arrived in the window, but too late: their decision, or the record of what the shadow would
        have done with it, had expired.
    verdict: ``promote``, ``keep watching``, ``do not promote`` or ``cannot tell``.
    why: The reason, with the numbers it is based on.
    more_decisions: With ``keep watching``: about how many more decisions of the tier are needed for a verdict.
    own_rule: How the shadow's reward rule differs from the active policy's, such as ``forgetting 0.99 instead of 1``;
        empty if it does not. The figures are then those of the shadow's own A and b, which a promotion does not carry
        over.
    """

    policy: str
    tier: str
    algorithm: str
    active: str = ""
    decisions: int
    errors: int
    sample: float = 1.0
    rewarded: int = 0
    rewarded_share: float | None = None
    rewarded_bias: RewardedBias = RewardedBias()
    agreement: float | None
    expected_agreement: float | None = None
    cost_delta_usd: float | None
    cost_delta_method: str = "arm-means"
    cost_unknown: list[str] = []
    cost_delta: ReportedEstimate = ReportedEstimate()
    active_cost_usd: float | None = None
    reward_delta: ReportedEstimate = ReportedEstimate()
    quality_delta: ReportedEstimate = ReportedEstimate()
    disagreements: Disagreements
    pairs: list[Pair]
    drift: Drift = Drift()
    estimates: ReportedEstimates = ReportedEstimates()
    effective_sample_size: float = 0.0
    clipped: Clipped = Clipped()
    unsupported: float | None = None
    unjoined: int = 0
    verdict: Verdict = "cannot tell"
    why: str = ""
    more_decisions: int | None = None
    own_rule: str = ""


class Regret(msgspec.Struct, frozen=True, kw_only=True):
    """The reward that the active policy forgoes against the best of several alternatives.

    Attributes
    ----------
    best: The alternative with the highest estimate: the name of a shadow, or an arm.
    delta: Its mean reward less the active policy's, 0 to 100: the regret; below 0 if the active policy is better than
        all of them. The intervals are for the alternative that is truly best, so they account for the selection.
    """

    best: str
    delta: ReportedEstimate


class ArmValue(msgspec.Struct, frozen=True, kw_only=True):
    """The reward of a tier if one arm served every request.

    Attributes
    ----------
    value: Mean reward, 0 to 100.
    low, high: Always-valid interval; the intervals of all arms are valid together.
    effective_sample_size: (Σw)² / Σw².
    samples: With the rule ``share``: hours in which this arm and another one have rewards, one sample each.
    worse_samples: Samples in which its mean reward was below the best arm's of that hour by more than the configured
        share.
    underperforms: According to the configured rule.
    why: The reason, with the numbers it is based on; empty if the arm does not underperform.
    """

    arm: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float = 0.95
    effective_sample_size: float = 0.0
    samples: int = 0
    worse_samples: int = 0
    underperforms: bool = False
    why: str = ""


class RegretReport(msgspec.Struct, frozen=True, kw_only=True):
    """The estimated regret of the active policy of one tier.

    Attributes
    ----------
    active: Name of the policy.
    against_best_shadow, against_best_arm: None while no alternative can be estimated.
    rule: The rule by which an arm underperforms: ``confidence`` or ``share``.
    arms: The arms of the tier, best first.
    finding: Whether routing pays, in a sentence; empty while there are too few outcomes.
    """

    tier: str
    active: str
    against_best_shadow: Regret | None = None
    against_best_arm: Regret | None = None
    rule: str = "confidence"
    arms: list[ArmValue] = []
    finding: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The comparison of every shadow policy with the active one, and the regret of each tier."""

    window: Window
    policies: list[PolicyReport]
    regret: list[RegretReport] = []
