"""The shadow report: how each shadow policy would have differed from what was served."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from pointsman.bandit import Arm
from pointsman.messages.policies import PolicySpec
from pointsman.state import shadow_store as fields
from pointsman.state.shadow_store import HOUR_MS, ShadowStore
from pointsman.state.store import Store
from pointsman.state.tier_store import TierStore

COST_DELTA_METHOD = "arm-means"


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """What time the report is about, in Unix milliseconds; whole hours."""

    from_ms: int = msgspec.field(name="from")
    to_ms: int = msgspec.field(name="to")


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """How often one arm was served where the shadow chose another."""

    active: str
    shadow: str
    count: int


class Disagreements(msgspec.Struct, frozen=True, kw_only=True):
    """Decisions in which the shadow chose another arm than was served."""

    count: int


class PolicyReport(msgspec.Struct, frozen=True, kw_only=True):
    """One shadow policy in one tier.

    Attributes
    ----------
    decisions : int
        Decisions of the window that the policy was run on.
    errors : int
        How often it raised; those decisions are in no other figure.
    agreement : float or None
        Share of decisions in which its own draw was the arm that was served, 0 to 1.
    cost_delta_usd : float or None
        Expected cost of one decision under the shadow's distribution, less that under the active policy's. An arm's
        cost is the mean of what its outcomes told (or the configured price). None while the cost of an arm that
        either policy uses is unknown.
    cost_delta_method : str
        ``arm-means``: as just said. It takes an arm to cost the same on the requests that a policy would send there
        as on those it was sent so far. Where it was sent the requests it is cheap on, it looks cheaper than it is.
    cost_unknown : list of str
        Those arms.
    pairs : list of Pair
        The disagreements by pair, most frequent first.
    """

    policy: str
    tier: str
    algorithm: str
    decisions: int
    errors: int
    agreement: float | None
    cost_delta_usd: float | None
    cost_delta_method: str = COST_DELTA_METHOD
    cost_unknown: list[str]
    disagreements: Disagreements
    pairs: list[Pair]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The comparison of every shadow policy with what was served."""

    window: Window
    policies: list[PolicyReport]


async def build_report(
    store: Store,
    shadows: Mapping[str, Sequence[PolicySpec]],
    window_ms: tuple[int, int],
    prices: Mapping[Arm, float] | None = None,
) -> Report:
    """Add up the hourly sums of a window.

    Parameters
    ----------
    shadows : mapping of tier to its shadow policies
    window_ms : (int, int)
        From and to, Unix milliseconds; widened to whole hours.
    prices : mapping of Arm to float, optional
        Cost of a call where no outcome has told one.
    """
    hours = range(window_ms[0] // HOUR_MS, (window_ms[1] + HOUR_MS - 1) // HOUR_MS)
    policies = []
    for tier, specs in shadows.items():
        if not specs:
            continue
        costs = {str(arm): cost for arm, cost in (prices or {}).items()}
        for arm, state in (await TierStore(store, tier).changes()).arms.items():
            if state.mean_cost_usd is not None:
                costs[str(arm)] = state.mean_cost_usd
        for spec in specs:
            total: Counter[str] = Counter()
            for _, sums in await ShadowStore(store, tier).read(spec.identity, hours):
                total.update(sums)
            policies.append(_policy_report(tier, spec, total, costs))
    return Report(window=Window(from_ms=hours.start * HOUR_MS, to_ms=hours.stop * HOUR_MS), policies=policies)


def _policy_report(tier: str, spec: PolicySpec, total: Mapping[str, float], costs: Mapping[str, float]) -> PolicyReport:
    decisions, agreed = round(total.get(fields.DECISIONS, 0.0)), round(total.get(fields.AGREED, 0.0))
    pairs = []
    moved: dict[str, float] = {}
    used: set[str] = set()
    for name, value in total.items():
        match fields.split_field(name):
            case ["pair", active, shadow]:
                pairs.append(Pair(active=active, shadow=shadow, count=round(value)))
            case ["active", arm] if value > 0.0:
                used.add(arm)
                moved[arm] = moved.get(arm, 0.0) - value
            case ["shadow", arm] if value > 0.0:
                used.add(arm)
                moved[arm] = moved.get(arm, 0.0) + value
    unknown = sorted(used - costs.keys())
    delta = sum(mass * costs[arm] for arm, mass in moved.items()) / decisions if decisions and not unknown else None
    return PolicyReport(
        policy=spec.name,
        tier=tier,
        algorithm=spec.algorithm,
        decisions=decisions,
        errors=round(total.get(fields.ERRORS, 0.0)),
        agreement=agreed / decisions if decisions else None,
        cost_delta_usd=delta,
        cost_unknown=unknown,
        disagreements=Disagreements(count=decisions - agreed),
        pairs=sorted(pairs, key=lambda p: (-p.count, p.active, p.shadow)),
    )
