"""The report as it is exchanged: what the API answers, the command line prints and the page draws.

Rewards and qualities are on the scale of the API, 0 to 100; costs are US dollars a decision. A difference is what the
shadow would have earned less what the active policy earned, of one decision. What the data cannot give is null.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Verdict = Literal["promote", "keep watching", "do not promote", "cannot tell"]


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """What time the report is about, in Unix milliseconds; whole hours."""

    from_ms: int = msgspec.field(name="from")
    to_ms: int = msgspec.field(name="to")


class ReportedInterval(msgspec.Struct, frozen=True, kw_only=True):
    """Where a value is likely to be.

    Attributes
    ----------
    low, high : float or None
        None while there are too few decisions with an outcome.
    method : str
        How it was computed.
    """

    low: float | None = None
    high: float | None = None
    method: str = ""


class ReportedEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """A value with two intervals of the same coverage.

    Attributes
    ----------
    estimate : float or None
        None while no decision has an outcome.
    low, high : float or None
        The interval for one look at an amount of data that was fixed beforehand: ``estimate`` ± z standard errors.
    method : str
        The estimator: ``dr``, ``sndr``, ``dm``, ``ips`` or ``snips``.
    confidence : float
        How often each of the intervals covers the truth, 0 to 1.
    always_valid : object
        The interval that holds at every look at once, however often one looks and whenever one stops. It is wider.
    """

    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    method: str = ""
    confidence: float = 0.95
    always_valid: ReportedInterval = ReportedInterval()


class ReportedEstimates(msgspec.Struct, frozen=True, kw_only=True):
    """The shadow's mean reward by every estimator; where they differ much, do not trust any.

    Attributes
    ----------
    active : float or None
        Mean reward of the active policy, on the decisions that have one.
    dm : object
        Direct method: the logged estimates alone.
    ips, snips : object
        Inverse propensity scores, and the same self-normalised.
    dr, sndr : object
        Doubly robust, and the same self-normalised.
    """

    active: float | None = None
    dm: ReportedEstimate = ReportedEstimate(method="dm")
    ips: ReportedEstimate = ReportedEstimate(method="ips")
    snips: ReportedEstimate = ReportedEstimate(method="snips")
    dr: ReportedEstimate = ReportedEstimate(method="dr")
    sndr: ReportedEstimate = ReportedEstimate(method="sndr")


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """How often one arm was served where the shadow chose another."""

    active: str
    shadow: str
    count: int


class Disagreements(msgspec.Struct, frozen=True, kw_only=True):
    """Decisions in which the shadow chose another arm than was served.

    Attributes
    ----------
    count : int
        By the draws of both.
    expected_share : float or None
        Expected share of such decisions, 0 to 1, from the two distributions alone.
    reward_delta, quality_delta : object
        The difference on one such decision. Equal choices earn the same, so it is the difference on all decisions
        divided by ``expected_share``.
    """

    count: int
    expected_share: float | None = None
    reward_delta: ReportedEstimate = ReportedEstimate()
    quality_delta: ReportedEstimate = ReportedEstimate()


class ArmShare(msgspec.Struct, frozen=True, kw_only=True):
    """How many of the decisions that an arm served have an outcome.

    Attributes
    ----------
    share : float or None
        ``rewarded`` / ``served``.
    """

    arm: str
    served: int
    rewarded: int
    share: float | None = None


class RewardedBias(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the decisions that have an outcome are like those that have none.

    Attributes
    ----------
    model_gain_all, model_gain_rewarded : float or None
        What the logged estimates expect the shadow to gain: on all decisions, and on those with an outcome. When these
        are far apart, outcomes come for other requests than usual.
    arms : list
        By the arm that was served, most served first.
    reweighted : float or None
        The reward difference if each served arm counted by its share of all decisions, instead of its share of those
        with an outcome.
    shift : float or None
        ``reweighted`` less the reward difference as it stands.
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
    day : str
        As ``2026-11-22``.
    rewarded : int
        Decisions of this day that have an outcome.
    agreement : float or None
        0 to 1.
    reward_delta : object
        Of this day's decisions alone.
    """

    day: str
    decisions: int
    rewarded: int
    agreement: float | None = None
    reward_delta: ReportedEstimate = ReportedEstimate()


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the comparison came out the same over the window.

    Attributes
    ----------
    days : list
        Those that have decisions, in order.
    changed : bool
        The days differ by more than chance allows, at a level of 1 %.
    latest_from : str
        From which day on the last days, taken together, are enough to tell the reward difference; empty when all of
        them are not.
    latest : object
        The reward difference of those days alone.
    text : str
        The same in words.
    """

    days: list[Day] = []
    changed: bool = False
    latest_from: str = ""
    latest: ReportedEstimate = ReportedEstimate()
    text: str = ""


class Clipped(msgspec.Struct, frozen=True, kw_only=True):
    """Importance weights that were cut; each cut is a bias towards the logged estimates.

    Attributes
    ----------
    count : int
        How many.
    mass : float
        By how much in all, as a share of all weight, 0 to 1.
    """

    count: int = 0
    mass: float = 0.0


class PolicyReport(msgspec.Struct, frozen=True, kw_only=True):
    """One shadow policy in one tier, compared with the policy that is active there.

    Attributes
    ----------
    active : str
        Name of the active policy. Decisions of other policies that were active before are not in any figure.
    decisions : int
        Decisions of the window that the shadow was run on.
    errors : int
        How often it raised; those decisions are in no other figure.
    sample : float
        Share of the decisions that it is run on, 0 to 1.
    rewarded : int
        Decisions that have an outcome by now.
    rewarded_share : float or None
        ``rewarded`` / ``decisions``.
    rewarded_bias : object
        Whether those with an outcome are like the others.
    agreement : float or None
        Share of decisions in which its own draw was the arm that was served, 0 to 1.
    expected_agreement : float or None
        The same without chance: the mean of Σₖ p(k) q(k) over the two distributions.
    cost_delta_usd : float or None
        ``cost_delta.estimate``; before any outcome has told a cost, the expected difference at each arm's mean cost.
    cost_delta_method : str
        ``dr``, or ``arm-means``: an arm is taken to cost the same on the requests that a policy would send there as on
        those it was sent so far, or its configured price. Where it was sent the requests it is cheap on, it looks
        cheaper than it is.
    cost_unknown : list of str
        With ``arm-means``: arms that either policy uses and whose cost is unknown.
    cost_delta : object
        US dollars a decision, from the costs that outcomes told.
    active_cost_usd : float or None
        Mean cost of a decision as it was served, over those that told one.
    reward_delta, quality_delta : object
        0 to 100.
    disagreements : object
        The decisions in which the two chose different arms.
    pairs : list
        The disagreements by pair, most frequent first.
    drift : object
        The same by day.
    estimates : object
        The shadow's mean reward, 0 to 100, by every estimator.
    effective_sample_size : float
        How many decisions of its own the shadow's rewarded decisions are worth: (Σw)² / Σw².
    clipped : object
        Weights that were cut.
    unsupported : float or None
        Share of the shadow's choices that the active policy never makes, 0 to 1: nothing can be known about them.
    unjoined : int
        Outcomes that came in the window, but too late: their decision, or what the shadow would have done with it, was
        kept no longer.
    verdict : str
        ``promote``, ``keep watching``, ``do not promote`` or ``cannot tell``.
    why : str
        The reason, with the numbers it rests on.
    more_decisions : int or None
        With ``keep watching``: about how many more decisions of the tier it will take to tell.
    own_rule : str
        How the rule that it learns by differs from the active policy's, as ``forgetting 0.99 instead of 1``; empty when
        it does not. Its figures are then those of estimates of its own, which a promotion leaves behind.
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
    """What the active policy forgoes against the best of several others.

    Attributes
    ----------
    best : str
        The one with the highest estimate: a shadow's name, or an arm.
    delta : object
        Its mean reward less the active policy's, 0 to 100: the regret; below 0 when the active policy is better than
        all of them. The intervals are for whichever of them is truly best, so they allow for having looked for it.
    """

    best: str
    delta: ReportedEstimate


class ArmValue(msgspec.Struct, frozen=True, kw_only=True):
    """What a tier's reward would be if one arm served every request.

    Attributes
    ----------
    value : float or None
        Mean reward, 0 to 100.
    low, high : float or None
        Always-valid interval; all arms' intervals hold together.
    effective_sample_size : float
        (Σw)² / Σw².
    samples : int
        With the rule ``share``: hours in which this arm and another one have rewards, one sample each.
    worse_samples : int
        Those in which its mean reward was worse than the best arm's of that hour by more than the configured share.
    underperforms : bool
        By the configured rule.
    why : str
        The reason, with the numbers it rests on; empty when it does not.
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
    """The estimated regret of one tier's active policy.

    Attributes
    ----------
    active : str
        The policy.
    against_best_shadow, against_best_arm : object or None
        None while none of them can be estimated.
    rule : str
        ``confidence`` or ``share``: by which rule an arm underperforms.
    arms : list
        The tier's arms, best first.
    """

    tier: str
    active: str
    against_best_shadow: Regret | None = None
    against_best_arm: Regret | None = None
    rule: str = "confidence"
    arms: list[ArmValue] = []


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The comparison of every shadow policy with the active one, and the regret of each tier."""

    window: Window
    policies: list[PolicyReport]
    regret: list[RegretReport] = []
