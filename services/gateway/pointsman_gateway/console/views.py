"""The shapes of the answers that show what happens: activity over time, and what it earned."""

from __future__ import annotations

import msgspec

from pointsman.shadow.report.messages import ReportedEstimate, Window


class ArmActivity(msgspec.Struct, frozen=True, kw_only=True):
    """What one arm did in a stretch of time.

    Attributes
    ----------
    arm : str
        ``provider:model``.
    decisions : int
        Decisions that it was chosen in.
    rewarded : int
        Those of them whose outcome has come.
    reward_sum : float
        Sum of their rewards, 0 to 100 each.
    cost_usd_sum : float
        Sum of the costs that outcomes told.
    cost_n : int
        How many told one.
    """

    arm: str
    decisions: int
    rewarded: int
    reward_sum: float
    cost_usd_sum: float
    cost_n: int


class ActivityPoint(msgspec.Struct, frozen=True, kw_only=True):
    """What a tier did in one stretch of time; an outcome counts where its decision was made.

    Attributes
    ----------
    at_ms : int
        When the stretch begins; Unix milliseconds.
    explored : int
        Decisions that were drawn by the exploring part of the policy.
    pinned : int
        Decisions in which a conversation stayed with its arm.
    rewarded : int
        Decisions whose outcome has come.
    reward_sum : float
        Sum of their rewards, 0 to 100 each.
    cost_usd_sum : float
        Sum of the costs that outcomes told.
    cost_n : int
        How many told one.
    arms : list
        The same by arm; those that were chosen at all.
    """

    at_ms: int
    decisions: int
    explored: int
    pinned: int
    rewarded: int
    reward_sum: float
    cost_usd_sum: float
    cost_n: int
    arms: list[ArmActivity] = []


class ActivityTotals(msgspec.Struct, frozen=True, kw_only=True):
    """What a tier did in the whole window.

    Attributes
    ----------
    rewarded : int
        Decisions whose outcome has come.
    mean_reward : float or None
        0 to 100; None before the first outcome.
    cost_usd_sum : float
        Sum of the costs that outcomes told.
    mean_cost_usd : float or None
        Of one decision, over the outcomes that told a cost.
    arms : list
        The same by arm; the most used first.
    """

    decisions: int
    explored: int
    pinned: int
    rewarded: int
    mean_reward: float | None
    cost_usd_sum: float
    mean_cost_usd: float | None
    arms: list[ArmActivity] = []


class Against(msgspec.Struct, frozen=True, kw_only=True):
    """The active policy against one that needs no learning.

    Attributes
    ----------
    policy : str
        ``best fixed arm``: always the arm that would have earned most; ``uniform``: any candidate, all alike.
    arm : str or None
        Which arm that is.
    decisions : int
        Decisions of the window with an outcome that this rests on: those of the policy that is active now.
    reward_delta : object
        What this policy would have earned more than the active one, on one decision, 0 to 100. Below 0, the active
        policy is better.
    cost_delta_usd : object
        What this policy would have cost more, on one decision.
    saved_usd : float or None
        What the active policy has saved against this one: the cost difference times the window's decisions that it
        made, going by the share of the outcomes that are of its decisions.
    saved_low_usd, saved_high_usd : float or None
        Its interval.
    """

    policy: str
    arm: str | None
    decisions: int
    reward_delta: ReportedEstimate
    cost_delta_usd: ReportedEstimate
    saved_usd: float | None
    saved_low_usd: float | None
    saved_high_usd: float | None


class HealthLine(msgspec.Struct, frozen=True, kw_only=True):
    """How the tier is, for a person.

    Attributes
    ----------
    ok : bool
    sentence : str
        Plain words; what matters most, when several things are wrong.
    """

    ok: bool
    sentence: str


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to ``GET /v1/overview``.

    Attributes
    ----------
    step_s : int
        How long the stretch of each point is.
    points : list
        In order of time, one for each stretch, also for those without a decision; the last one has only begun.
    against : list
        None for a policy that too little is known about.
    """

    tier: str
    window: Window
    step_s: int
    points: list[ActivityPoint]
    totals: ActivityTotals
    against: list[Against]
    health: HealthLine
