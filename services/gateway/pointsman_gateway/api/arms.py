"""``GET /v1/arms``: what each arm has learned."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from statistics import NormalDist
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from starlette.requests import Request

from pointsman.core.bandit import Arm, ArmState
from pointsman.core.bandit.drift import Signal
from pointsman.learning.tier_store import TierStore
from pointsman.shadow.periods import HOUR_MS
from pointsman.shadow.report.messages import Window
from pointsman.shadow.sums import activity
from pointsman.shadow.sums.store import ShadowStore
from pointsman_gateway.api.parameters import DEFAULT_WINDOW, TierFilter, WindowText, parse_window
from pointsman_gateway.backends import Backends
from pointsman_gateway.console.feature_names import FeatureNames
from pointsman_gateway.console.process_monitor import ProcessMonitor
from pointsman_gateway.http.endpoint import AnswerType, HttpEndpoint

MAX_WIDTH_DIM = 128
"""Most features for which A is inverted to get the width of each coefficient."""
MIN_COUNT = 30
"""Fewest outcomes for an interval of the mean, which rests on the central limit theorem."""


class ArmRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Decisions and rewards of an arm within a period.

    Attributes
    ----------
    decisions: Decisions that chose the arm.
    rewarded: Decisions of these that have an outcome.
    missing: Decisions of these without an outcome yet.
    mean_reward: 0 to 1, over the rewarded decisions.
    low, high: Confidence interval of the mean (normal, with the confidence of ``[report]``) over requests like those
        that the arm was chosen for; not its value on all requests. None below 30 outcomes.
    reward_delay_s: Mean time from a decision to the acceptance of its outcome.
    """

    decisions: int
    rewarded: int
    missing: int
    mean_reward: float | None
    low: float | None
    high: float | None
    reward_delay_s: float | None


class ArmDrift(msgspec.Struct, frozen=True, kw_only=True):
    """The last alarm that an arm has changed; what was learned before was corrected by it.

    Attributes
    ----------
    before, after: Mean reward (0 to 1; before: as expected by the decisions), cost in US dollars or latency in
        milliseconds.
    outcomes: Number of outcomes since the change, when the alarm was raised.
    since, at: When the first and the last of these were accepted; RFC 3339 in UTC.
    """

    signal: Signal
    before: float
    after: float
    outcomes: int
    since: str
    at: str


class ArmView(msgspec.Struct, frozen=True, kw_only=True):
    """What one arm of one tier has learned.

    Attributes
    ----------
    n: Outcomes learned from, including imported ones.
    under_way: Decisions that await their outcome, as a decision replica counts them for an arm with fewer than 100
        outcomes; None when it counts none.
    held_back: That number has reached its bound: until outcomes come, the arm has only its share of exploration while
        another candidate has not.
    mean_reward: 0 to 1; None before the first outcome.
    mean_cost_usd: Mean of the reported costs; after an alarm about the cost, as if all had been at the new level.
    drift: The last change that was noticed; None without one.
    refuses: What its model has refused in the last hour, as this gateway has seen: `tools`, `images`, `temperature`.
        Requests are changed for it, or it is no candidate for them.
    theta: θ = A⁻¹b, of length d.
    theta_width: √(A⁻¹)ᵢᵢ: the uncertainty of each coefficient, as ``width`` is for a score. Absent when d is above 128.
    recent: Its decisions and rewards in the period; imported outcomes are none.
    version: Outcome log sequence of the last outcome learned from; 0 when there was none.
    updated_at: When that outcome was accepted; RFC 3339 in UTC.
    A: d × d; present with ``matrices=true``.
    b: Of length d; present with ``matrices=true``.
    """

    tier: str
    provider: str
    model: str
    n: int
    under_way: int | None = None
    held_back: bool = False
    mean_reward: float | None
    mean_cost_usd: float | None
    theta: list[float]
    theta_width: list[float] | msgspec.UnsetType = msgspec.UNSET
    recent: ArmRecord
    drift: ArmDrift | None = None
    refuses: list[str] = []
    version: int
    updated_at: str | None
    A: list[list[float]] | msgspec.UnsetType = msgspec.UNSET
    b: list[float] | msgspec.UnsetType = msgspec.UNSET


class ArmList(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to ``GET /v1/arms``: the configured arms of each tier, then others that it has learned about.

    Attributes
    ----------
    window: The period of ``recent``.
    features: Name of each number of a context, and so of θ; None where names are not known.
    """

    arms: list[ArmView]
    window: Window
    features: list[str] | None = None


class ArmsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query parameters."""

    tier: TierFilter = None
    matrices: Annotated[bool, Meta(description="Include A and b")] = False
    window: Annotated[
        WindowText, Meta(description="Period of `recent`: days, hours or minutes, at most 90d, in whole hours")
    ] = DEFAULT_WINDOW


class ArmsHandler:
    """Lists arms."""

    def __init__(
        self, backends: Backends, processes: ProcessMonitor, names: FeatureNames, refuses: Callable[[Arm], list[str]]
    ) -> None:
        self._refuses = refuses
        self._backends = backends
        self._processes = processes
        self._names = names
        self._dim = backends.config.context.dim
        self._confidence = backends.config.report.confidence

    @HttpEndpoint(
        "GET /v1/arms",
        name="listArms",
        tag="insight",
        scope="read",
        summary="List what each arm has learned",
        description="Rewards are 0 to 1 here, as in A and b.",
        query=ArmsQuery,
        answers={200: AnswerType("The arms", ArmList)},
        problems=(404, 503),
    )
    async def get(self, _: Request, query: ArmsQuery) -> ArmList:
        """Return the arms of all tiers, or of one."""
        window_hours = parse_window(query.window)
        tiers = [self._backends.require_tier(query.tier)] if query.tier is not None else list(self._backends.tiers)
        now_ms = int(time.time() * 1000)
        hours = range(now_ms // HOUR_MS - window_hours + 1, now_ms // HOUR_MS + 1)
        reported = [tier for process in await self._processes.recent() for tier in process.status.tiers]
        views = []
        for tier in tiers:
            learned = (await TierStore(self._backends.store, tier).changes()).arms
            (sums,) = await ShadowStore(self._backends.store, tier).totals(activity.HOURS, hours)
            records = sums.arms()
            statuses = [status for status in reported if status.tier == tier]
            for arm in dict.fromkeys((*self._backends.tiers[tier], *learned)):
                state = learned.get(arm) or ArmState.fresh(self._dim)
                record = view_record(records.get(str(arm), {}), self._confidence)
                counts = [status.under_way[str(arm)] for status in statuses if str(arm) in status.under_way]
                views.append(
                    view_arm(
                        tier,
                        arm,
                        state,
                        record,
                        under_way=max(counts, default=None),
                        held_back=any(str(arm) in status.held_back for status in statuses),
                        refuses=self._refuses(arm),
                        matrices=query.matrices,
                    )
                )
        window = Window(from_ms=hours.start * HOUR_MS, to_ms=now_ms)
        return ArmList(arms=views, window=window, features=self._names.default)


def view_arm(
    tier: str,
    arm: Arm,
    state: ArmState,
    record: ArmRecord,
    *,
    matrices: bool,
    under_way: int | None = None,
    held_back: bool = False,
    refuses: Sequence[str] = (),
) -> ArmView:
    """Return the JSON type of an arm."""
    width = np.sqrt(np.diag(np.linalg.inv(state.A))).tolist() if state.dim <= MAX_WIDTH_DIM else msgspec.UNSET
    return ArmView(
        tier=tier,
        provider=arm.provider,
        model=arm.model,
        n=state.n,
        under_way=under_way,
        held_back=held_back,
        mean_reward=state.mean_reward,
        mean_cost_usd=state.mean_cost_usd,
        theta=state.theta().tolist(),
        theta_width=width,
        recent=record,
        drift=_view_drift(state),
        refuses=list(refuses),
        version=state.version,
        updated_at=_rfc3339(state.updated_at_ms) if state.updated_at_ms else None,
        **({"A": state.A.tolist(), "b": state.b.tolist()} if matrices else {}),
    )


def _view_drift(state: ArmState) -> ArmDrift | None:
    alarm = state.drift.alarm if state.drift else None
    if alarm is None:
        return None
    return ArmDrift(
        signal=alarm.signal,
        before=alarm.before,
        after=alarm.after,
        outcomes=alarm.outcomes,
        since=_rfc3339(alarm.since_ms),
        at=_rfc3339(alarm.at_ms),
    )


def view_record(sums: Mapping[str, float], confidence: float) -> ArmRecord:
    """Return an arm's decisions and rewards, from its sums of `pointsman.shadow.sums.activity`."""
    decisions, rewarded = round(sums.get("served", 0.0)), round(sums.get("joined", 0.0))
    mean = low = high = delay_s = None
    if rewarded:
        mean, delay_s = sums.get("earned", 0.0) / rewarded, sums.get("delayed", 0.0) / rewarded
    if mean is not None and rewarded >= MIN_COUNT:
        variance = max(sums.get("earned-square", 0.0) / rewarded - mean**2, 0.0) * rewarded / (rewarded - 1)
        half = NormalDist().inv_cdf(0.5 + confidence / 2.0) * math.sqrt(variance / rewarded)
        low, high = max(mean - half, 0.0), min(mean + half, 1.0)
    return ArmRecord(
        decisions=decisions,
        rewarded=rewarded,
        missing=max(decisions - rewarded, 0),
        mean_reward=mean,
        low=low,
        high=high,
        reward_delay_s=delay_s,
    )


def _rfc3339(at_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms // 1000, UTC).replace(microsecond=at_ms % 1000 * 1000)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
