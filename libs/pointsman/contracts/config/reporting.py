"""Reports, regret alerts and promotion: ``[report]``, ``[regret]`` and ``[promotion]``."""

from typing import Annotated, Literal, get_args

from msgspec import Meta

from pointsman.contracts.config.section import Section
from pointsman.core.bounds import NonNegativeOrInfinite, Points, Positive, PositiveInt, Share

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)


class ReportConfig(Section, frozen=True, kw_only=True):
    """``[report]``: confidence and schedule of reports.

    Attributes
    ----------
    confidence: Confidence of every interval in a report, between 0.5 and 1.
    every: How often a report is published on ``alerts.report.<tier>``; it covers the previous week or day.
    weekday: Day of publication, for ``week``.
    hour: Hour of the day from which the report is published, 0 to 23, UTC.
    """

    confidence: Annotated[float, Meta(gt=0.5, lt=1)] = 0.95
    every: Literal["week", "day", "off"] = "week"
    weekday: Weekday = "monday"
    hour: Annotated[int, Meta(ge=0, le=23)] = 6


class RegretConfig(Section, frozen=True, kw_only=True):
    """``[regret]``: when an arm underperforms.

    Attributes
    ----------
    rule: Rule that raises alerts on ``alerts.regret.<tier>``.
    margin: For ``confidence``: points of reward, 0 to 100, by which an arm must be worse than the best arm with
        confidence.
    share_margin: For ``share``: an hour counts as worse when the arm's mean reward is below the best arm's by this
        share.
    share_of_samples: For ``share``: the share of worse hours above which the alert is raised.
    min_samples: For ``share``: smallest number of hours.
    window_days: Number of days that are examined.
    check_s: Interval between checks in seconds.
    """

    rule: Literal["confidence", "share", "off"] = "confidence"
    margin: Points = 0.0
    share_margin: Share = 0.1
    share_of_samples: Share = 0.5
    min_samples: Annotated[int, Meta(ge=1, le=10_000)] = 5
    window_days: Annotated[int, Meta(ge=1, le=90)] = 7
    check_s: Annotated[float, Meta(ge=1, le=86_400)] = 60.0


class PromotionConfig(Section, frozen=True, kw_only=True):
    """``[promotion]``: conditions of automatic promotion of a shadow and of automatic reversion.

    Attributes
    ----------
    automatic: Promote shadows automatically, and revert promotions automatically.
    automatic_rollback: Revert promotions automatically, including those made by hand; implied by ``automatic``.
    margin: Points of reward, 0 to 100, by which the shadow must be better with confidence.
    quality_floor: Largest loss of quality that the interval may contain, -100 to 0; -100 is no limit.
    cost_ceiling: Largest increase of the cost of a decision that the interval may contain, as a share of the present
        cost; ``inf`` is no limit.
    min_decisions: Smallest number of decisions with an outcome for a promotion.
    rollback_min_decisions: Smallest number of decisions with an outcome for a reversion.
    only_exploring: Promote only policies that give every arm a chance, so that they can be evaluated once they are
        active.
    check_s: Interval between checks in seconds.
    tiers: Tiers with automatic changes; all by default.
    policies: Shadows that may be promoted automatically; all by default.
    """

    automatic: bool = False
    automatic_rollback: bool = False
    margin: Points = 0.0
    quality_floor: Annotated[float, Meta(ge=-100, le=0)] = -1.0
    cost_ceiling: NonNegativeOrInfinite = 0.1
    min_decisions: PositiveInt = 1000
    rollback_min_decisions: PositiveInt = 200
    only_exploring: bool = True
    check_s: Positive = 60.0
    tiers: list[str] | None = None
    policies: list[str] | None = None

    def watches(self, tier: str) -> bool:
        """Return whether automatic changes are possible in a tier."""
        return (self.automatic or self.automatic_rollback) and (self.tiers is None or tier in self.tiers)
