"""Rulings of the automatic guard: whether to promote a shadow or to roll a promotion back. Pure.

Every comparison uses the always-valid interval, so a check every minute is as sound as a single one. If a number is
missing, nothing is done: the unknown is no reason to change what serves.
"""

import math
from collections.abc import Iterable
from typing import Literal, NamedTuple

from pointsman.contracts.config.reporting import PromotionConfig
from pointsman.contracts.config.schema import Config
from pointsman.contracts.messages.exploration import is_deterministic, with_floor
from pointsman.contracts.messages.policies import PolicySpec, TierPolicies
from pointsman.core.bandit import PolicyError, make_policy
from pointsman.shadow.own_learning.own_rule import is_stateful
from pointsman.shadow.report.messages import PolicyReport
from pointsman.shadow.report.number_format import NumberFormat, interval
from pointsman.shadow.report.verdict import worse_recently

NO_FLOOR = -100.0
"""A quality floor that sets no limit: no difference of qualities is below it."""

UNFIT_VERDICTS = ("cannot tell", "do not promote")
"""Verdicts with which a person must insist on a promotion."""


class Ruling(NamedTuple):
    """What to do, and why.

    Attributes
    ----------
    policy: Name of the shadow to promote, or of the one to return to.
    why: The reason, with the numbers it is based on.
    """

    action: Literal["promote", "rollback", "none"]
    policy: str
    why: str


def rule(rows: Iterable[PolicyReport], replaced: str | None, settings: PromotionConfig) -> Ruling:
    """Return what to do with a tier: roll the last promotion back, or promote the shadow with the largest certain gain.

    Parameters
    ----------
    rows : iterable of PolicyReport
        On the tier's shadows, since its active policy began to serve.
    replaced : str or None
        Name of the shadow that served before the last promotion; None if there is no promotion to roll back.
    """
    rows = list(rows)
    for row in rows:
        if row.policy == replaced:
            back = rule_rollback(row, settings)
            if back.action == "rollback":
                return back
    if not settings.automatic:
        return Ruling("none", "", "promotion is not automatic")
    allowed = settings.policies
    candidates = [row for row in rows if row.policy != replaced and (allowed is None or row.policy in allowed)]
    rulings = [(rule_promotion(row, settings), row.reward_delta.always_valid.low) for row in candidates]
    fit = [(low or 0.0, ruling) for ruling, low in rulings if ruling.action == "promote"]
    if fit:
        return max(fit, key=lambda one: one[0])[1]
    return Ruling("none", "", "; ".join(f"{ruling.policy}: {ruling.why}" for ruling, _ in rulings) or "no candidate")


def rule_promotion(row: PolicyReport, settings: PromotionConfig) -> Ruling:
    """Return whether to promote one shadow.

    The low end of its reward difference must be above the margin, the low end of its quality difference not below the
    floor, the high end of its cost difference not above the ceiling, and it must not have become worse since.
    """
    why: list[str] = []
    obstacle = _unfit(row, settings.min_decisions) or _promotion_obstacle(row, settings, why)
    if obstacle:
        return Ruling("none", row.policy, obstacle)
    return Ruling("promote", row.policy, f"{'; '.join(why)}; {_evidence(row)}")


def _promotion_obstacle(row: PolicyReport, settings: PromotionConfig, why: list[str]) -> str:
    """Return which limit the shadow violates; empty if none, with each limit that it meets added to ``why``."""
    reward, quality, cost = row.reward_delta.always_valid, row.quality_delta.always_valid, row.cost_delta.always_valid
    rewards, qualities, costs = _ranges(row)
    if reward.low is None or not reward.low > settings.margin:
        return f"the reward difference ({rewards}) is not above the margin of {settings.margin:g}"
    if worse := worse_recently(row):
        return f"the reward difference is {rewards}, but {worse}"
    why.append(f"reward difference {rewards}, margin {settings.margin:g}")
    if settings.quality_floor > NO_FLOOR:
        if quality.low is None or quality.low < settings.quality_floor:
            return f"the quality difference ({qualities}) may be below {settings.quality_floor:g}"
        why.append(f"quality difference {qualities}, floor {settings.quality_floor:g}")
    if math.isfinite(settings.cost_ceiling):
        ceiling = None if row.active_cost_usd is None else settings.cost_ceiling * row.active_cost_usd
        if cost.high is None or ceiling is None or cost.high > ceiling:
            return f"the cost difference ({costs}) may be above {_amount(ceiling)} per decision"
        why.append(f"cost difference {costs}, ceiling {_amount(ceiling)}")
    return ""


def rule_rollback(row: PolicyReport, settings: PromotionConfig) -> Ruling:
    """Return whether to return from the active policy to the one it replaced, which `row` is about.

    It is if the replaced policy certainly earns more and has not become worse since, or if the active one is certainly
    below the floor on quality or above the ceiling on cost, compared with the replaced one.
    """
    obstacle = _unfit(row, settings.rollback_min_decisions)
    if obstacle:
        return Ruling("none", row.policy, obstacle)
    reward, quality, cost = row.reward_delta.always_valid, row.quality_delta.always_valid, row.cost_delta.always_valid
    rewards, qualities, costs = _ranges(row)
    if reward.low is not None and reward.low > 0.0 and not worse_recently(row):
        why = f"would earn more than {row.active}: reward difference {rewards}"
    elif settings.quality_floor > NO_FLOOR and quality.low is not None and quality.low > -settings.quality_floor:
        why = f"has a higher quality than {row.active}: difference {qualities}, "
        why += f"the floor is {settings.quality_floor:g}"
    elif (ceiling := _exceeded_ceiling(row, cost.high, settings.cost_ceiling)) is not None:
        why = f"costs less than {row.active}: difference {costs}, the ceiling is {_amount(ceiling)} more"
    else:
        return Ruling("none", row.policy, f"no evidence against {row.active} ({rewards})")
    return Ruling("rollback", row.policy, f"{row.policy} {why}; {_evidence(row)}")


def objections(active: PolicySpec, row: PolicyReport | None, unknown: str) -> list[str]:
    """Return why a person must insist on a promotion; empty if nothing is against it.

    Parameters
    ----------
    active : PolicySpec
        The policy as it would serve, with its evidence floor.
    row : PolicyReport or None
        The report on the shadow; None if there is none, for the reason ``unknown``.
    """
    found = []
    if row is None:
        found.append(f"there is no evidence: {unknown}")
    elif row.verdict in UNFIT_VERDICTS:
        found.append(f"the verdict of the report is {row.verdict!r}: {row.why}")
    if is_deterministic(active):
        found.append(f"{active.name} would not explore, so no shadow could be evaluated while it serves")
    return found


def barrier(current: TierPolicies, spec: PolicySpec, config: Config, *, floor: float = 0.0) -> str:
    """Return why a shadow must not be promoted automatically, whatever the report shows; empty if it may.

    ``floor`` is the evidence floor with which it would serve.
    """
    if not {spec.identity, with_floor(spec, floor).identity}.isdisjoint(current.reverted):
        return "it was promoted before and rolled back"
    if is_stateful(config.reward, spec, current.active):
        return "it learns by its own reward rule, and a promotion does not carry over what it has learned"
    try:
        make_policy(spec.algorithm, spec.parameters)
    except PolicyError as error:
        return str(error)
    if config.promotion.only_exploring and is_deterministic(spec):
        return "it does not explore, so no shadow could be judged while it serves"
    return ""


def _unfit(row: PolicyReport, min_decisions: int) -> str:
    """Return why a row allows no conclusion; empty if it does."""
    if row.errors:
        return f"it raised an error {row.errors:,} times"
    if row.rewarded < min_decisions:
        return f"{row.rewarded:,} of {min_decisions:,} decisions with an outcome"
    if row.verdict == "cannot tell":
        return row.why or "too little overlap with what is served"
    return ""


def _exceeded_ceiling(row: PolicyReport, high: float | None, factor: float) -> float | None:
    """Return the ceiling on the cost difference if the active policy certainly exceeds it."""
    if not math.isfinite(factor) or high is None or row.active_cost_usd is None:
        return None
    ceiling = factor * max(row.active_cost_usd + (row.cost_delta.estimate or 0.0), 0.0)
    return ceiling if -high > ceiling else None


def _evidence(row: PolicyReport) -> str:
    return f"{row.rewarded:,} decisions with an outcome"


def _ranges(row: PolicyReport) -> tuple[str, str, str]:
    """Return the always-valid intervals of the differences in reward, quality and cost as text."""
    formats: tuple[NumberFormat, ...] = (
        lambda points: f"{points:+.2f}".replace("-", "−"),
        lambda points: f"{points:+.2f}".replace("-", "−"),
        lambda usd: f"{'−' if usd < 0.0 else '+'}${abs(usd):.6f}",
    )
    deltas = (row.reward_delta, row.quality_delta, row.cost_delta)
    reward, quality, cost = (interval(delta, form) or "unknown" for delta, form in zip(deltas, formats, strict=True))
    return reward, quality, cost


def _amount(usd: float | None) -> str:
    return "an unknown amount" if usd is None else f"${usd:.6f}"
