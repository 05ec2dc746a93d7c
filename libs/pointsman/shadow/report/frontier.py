"""The frontier of a tier: mean quality against mean cost of the active policy, of every fixed arm, and of shadows.

All points are estimates over the same requests. The mean of an arm's own outcomes is no such estimate, because the
policy chose which requests it got. If enough requests went there, the point is the mean of the active policy plus the
estimated difference to it, with an interval. If not, the point of an arm is what its learned model predicts.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from pointsman.core.bandit import Arm
from pointsman.core.bandit.arm_state import COST, ONE, QUALITY, ArmState
from pointsman.shadow.report.cost import arms_without_cost, silent_arms
from pointsman.shadow.report.intervals import POINTS, difference
from pointsman.shadow.report.messages import ReportedEstimate
from pointsman.shadow.report.number_format import bounds, percent, plain, span
from pointsman.shadow.report.regret import comparable
from pointsman.shadow.report.verdict import MIN_REWARDED
from pointsman.shadow.sums.hour_sums import HourSums

Kind = Literal["active", "arm", "shadow", "uniform"]
Method = Literal["dr", "model", ""]
MAX_MODEL_DIM = 64
"""Dimension of the context from which on models are not asked, because that would slow the gateway."""


class Predicted(NamedTuple):
    """What the model of an arm predicts if it served every request: mean quality (0 to 100) and mean cost."""

    quality: float
    cost_usd: float


class FrontierPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One policy, or one arm as if it served every request.

    Attributes
    ----------
    quality: Mean quality, 0 to 100.
    cost_usd: Mean cost of a decision.
    quality_low, quality_high, cost_low_usd, cost_high_usd: Always-valid interval of the difference to the active
        policy, added to the active policy's mean. All intervals of a frontier hold together with its confidence.
    method: ``dr``: estimated from the log, with intervals; ``model``: predicted by what was learned of the arm, without
        an interval, because too few requests went there; empty: unknown.
    """

    kind: Kind
    name: str
    quality: float | None = None
    quality_low: float | None = None
    quality_high: float | None = None
    cost_usd: float | None = None
    cost_low_usd: float | None = None
    cost_high_usd: float | None = None
    method: Method = "dr"


class Frontier(msgspec.Struct, frozen=True, kw_only=True):
    """The points of a tier, and whether the active policy is above the best mix of arms.

    Attributes
    ----------
    points: The active policy first; empty while it has too few outcomes with quality and cost, or while the outcomes of
        an arm report no cost.
    gain: Quality of the active policy less that of the best mix of arms which costs no more, 0 to 100. A mix sends a
        fixed share of the requests to each arm, whatever they contain. None if every arm costs more than the policy.
    gain_low, gain_high: Always-valid interval; an end that the data do not bound is None.
    confidence: Of all intervals together.
    finding: The same as a sentence.
    """

    points: list[FrontierPoint] = []
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None
    confidence: float = 0.95
    finding: str = ""


def frontier(
    active: str,
    arms: Mapping[str, HourSums],
    uniform: HourSums,
    shadows: Mapping[str, HourSums],
    predicted: Mapping[str, Predicted],
    confidence: float,
) -> Frontier:
    """Return the frontier of a tier.

    Parameters
    ----------
    active : str
        Name of the active policy.
    arms : mapping of arm to HourSums
        Sums of always choosing the arm (`fixed_arm_sums`).
    uniform : HourSums
        Sums of choosing uniformly; they have the means of the active policy.
    shadows : mapping of name to HourSums
    predicted : mapping of arm to Predicted
        `predict_arms`
    """
    quality, cost = uniform.statistics.quality, uniform.statistics.cost
    if quality.count < MIN_REWARDED or cost.count < MIN_REWARDED:
        return Frontier(confidence=confidence)
    if unpriced := sorted(arms_without_cost(uniform) | silent_arms(uniform)):
        return Frontier(
            confidence=confidence,
            finding=f"Without the cost of {', '.join(unpriced)} there is no mean cost to compare.",
        )
    served = FrontierPoint(kind="active", name=active, quality=POINTS * quality.mean("y"), cost_usd=cost.mean("y"))
    alternatives: list[tuple[Kind, str, HourSums]] = [
        *(("arm", name, sums) for name, sums in arms.items()),
        ("uniform", "uniform choice", uniform),
        *(("shadow", name, sums) for name, sums in shadows.items()),
    ]
    level = 1.0 - (1.0 - confidence) / (2 * len(alternatives))  # two intervals each, and all hold together
    points = [_point(served, kind, name, sums, level, predicted.get(name)) for kind, name, sums in alternatives]
    fixed = [point for point in points if point.kind == "arm"]
    points = [served, *(_mean_of(fixed, point) if point.kind == "uniform" else point for point in points)]
    at_cost, at_quality = served.cost_usd or 0.0, served.quality or 0.0
    mix = best_mix(((point.cost_usd, point.quality) for point in fixed), at_cost)
    # A mix is best if every arm is as good and as cheap as its intervals allow, and worst at the opposite corner.
    best = best_mix(((point.cost_low_usd, point.quality_high) for point in fixed), at_cost)
    worst = best_mix(((point.cost_high_usd, point.quality_low) for point in fixed), at_cost)
    bounded = all(point.quality_high is not None and point.cost_low_usd is not None for point in fixed)
    found = Frontier(
        points=points,
        gain=None if mix is None else at_quality - mix,
        gain_low=None if best is None or not bounded else at_quality - best,
        gain_high=None if worst is None else at_quality - worst,
        confidence=confidence,
    )
    return msgspec.structs.replace(found, finding=_finding(found, at_cost, fixed))


def predict_arms(states: Mapping[Arm, ArmState]) -> dict[str, Predicted]:
    """Return what the models of a tier's arms predict over all requests that the tier has learned from.

    A ridge regression around the arm's own mean m: m + x̄ᵀA⁻¹(b − m Σx), with the mean context x̄ of all arms. The mean
    cost of the arm is adjusted by the ratio of the same two means of its normalised cost. Arms without outcomes, or
    without a cost, are left out.
    """
    weights = sum(float(state.moments[ONE, ONE]) for state in states.values())
    if not weights or next(iter(states.values())).dim > MAX_MODEL_DIM:
        return {}
    context = sum(state.sums[ONE] for state in states.values()) / weights
    found: dict[str, Predicted] = {}
    for arm, state in states.items():
        weight, cost_usd = float(state.moments[ONE, ONE]), state.mean_cost_usd
        if weight <= 0.0 or cost_usd is None:
            continue
        rows = state.sums[[QUALITY, COST]]
        means = state.moments[ONE, [QUALITY, COST]] / weight
        there = means + (rows - means[:, None] * state.sums[ONE]) @ np.linalg.solve(state.A, context)
        ratio = float(there[1] / means[1]) if means[1] > 0.0 else 1.0
        found[str(arm)] = Predicted(POINTS * min(max(float(there[0]), 0.0), 1.0), cost_usd * max(ratio, 0.0))
    return found


def best_mix(arms: Iterable[tuple[float | None, float | None]], cost_usd: float) -> float | None:
    """Return the highest mean quality of a mix of arms with at most this mean cost; None if all cost more.

    ``arms`` has the mean cost and the mean quality of each; those with an unknown one are left out.
    """
    known = [(cost, quality) for cost, quality in arms if cost is not None and quality is not None]
    cheap = [quality for cost, quality in known if cost <= cost_usd]
    mixed = [
        low + (high - low) * (cost_usd - cheaper) / (dearer - cheaper)
        for cheaper, low in known
        for dearer, high in known
        if cheaper <= cost_usd < dearer
    ]
    return max(cheap + mixed, default=None)


def _point(
    served: FrontierPoint, kind: Kind, name: str, sums: HourSums, level: float, model: Predicted | None
) -> FrontierPoint:
    quality = _added(served.quality, difference(sums, "quality", level))
    cost = _added(served.cost_usd, difference(sums, "cost", level))
    ends, cost_ends = bounds(quality), bounds(cost)
    if sums.rewarded < MIN_REWARDED or not comparable(sums) or ends is None or cost_ends is None:
        if model is None:
            return FrontierPoint(kind=kind, name=name, method="")
        return FrontierPoint(kind=kind, name=name, quality=model.quality, cost_usd=model.cost_usd, method="model")
    return FrontierPoint(
        kind=kind,
        name=name,
        quality=quality.estimate,
        quality_low=ends[0],
        quality_high=ends[1],
        cost_usd=cost.estimate,
        cost_low_usd=max(cost_ends[0], 0.0),
        cost_high_usd=cost_ends[1],
    )


def _mean_of(arms: Sequence[FrontierPoint], uniform: FrontierPoint) -> FrontierPoint:
    """Return the point of choosing uniformly; without enough outcomes it is the mean of the arms."""
    known = [(arm.quality, arm.cost_usd) for arm in arms if arm.quality is not None and arm.cost_usd is not None]
    if uniform.method or not known or len(known) < len(arms):
        return uniform
    quality, cost_usd = (sum(numbers) / len(known) for numbers in zip(*known, strict=True))
    return msgspec.structs.replace(uniform, quality=quality, cost_usd=cost_usd, method="model")


def _added(mean: float | None, delta: ReportedEstimate) -> ReportedEstimate:
    return delta.map(lambda number: number + (mean or 0.0))


def _finding(found: Frontier, cost_usd: float, arms: Sequence[FrontierPoint]) -> str:
    if all(arm.quality is None for arm in arms):
        return "Too few outcomes yet to place the policy against a mix of arms."
    if found.gain is None:
        return "The policy costs less than every arm alone."
    low, high = found.gain_low, found.gain_high
    certain = (low is not None and low > 0.0) or (high is not None and high < 0.0)
    ends = "" if low is None or high is None else f" ({span(low, high)}, {percent(found.confidence, 0)} interval)"
    text = (
        f"At its cost of ${1000.0 * cost_usd:.3g} per 1,000 requests, the policy's quality is {plain(abs(found.gain))} "
        f"points {'above' if found.gain >= 0.0 else 'below'} that of the best mix of arms{ends}"
    )
    if certain:
        return f"{text}."
    rough = ", ".join(arm.name for arm in arms if arm.method != "dr")
    return f"{text}; not certain, because too few requests went to {rough}." if rough else f"{text}; not certain yet."
