"""What a tier did, by the minute and by five of them for a while, and by the hour for as long as a report: the names.

They are written in the commits of the shadow report's own sums, and so count each decision and each reward once. A
reward is added where its decision is, whenever it comes.
"""

from __future__ import annotations

from typing import NamedTuple

from pointsman.shadow.sums.hour_sums import HourSums, split_field

HOURS = "@activity"
"""What the sums of an hour are kept by. No policy can be called so."""


class Kept(NamedTuple):
    """Sums of short stretches of time.

    Attributes
    ----------
    unit_ms : int
        How long a stretch is; their numbers count from the Unix epoch.
    kept_s : int
        For how long they are kept.
    """

    unit_ms: int
    kept_s: int


SHORT = {"@activity:minute": Kept(60_000, 2 * 3600), "@activity:5-minutes": Kept(300_000, 25 * 3600)}
"""What is kept for a while only, by what it is kept by."""
MINUTES, FIVES = SHORT

EXPLORED = "explored"
"""Decisions that were drawn by the exploring part of the policy."""
PINNED = "pinned"
"""Decisions in which a conversation stayed with its arm."""
_TAB = "\t"  # in no arm's name: those are printable


def is_activity(identity: str) -> bool:
    """Tell whether sums are of what a tier did, and not of a policy."""
    return identity == HOURS or identity in SHORT


def earned(arm: str) -> str:
    """Field: sum of the rewards of an arm's decisions, 0 to 1 each."""
    return f"earned{_TAB}{arm}"


def earned_squares(arm: str) -> str:
    """Field: sum of their squares."""
    return f"earned-square{_TAB}{arm}"


def paid(arm: str) -> str:
    """Field: sum of the costs that outcomes told; `hour_sums.priced` is how many did."""
    return f"paid{_TAB}{arm}"


def delayed(arm: str) -> str:
    """Field: sum of the seconds from a decision to its outcome's acceptance."""
    return f"delayed{_TAB}{arm}"


def by_arm(sums: HourSums) -> dict[str, dict[str, float]]:
    """Return the sums of each arm by what they are of: ``served``, ``joined``, ``earned`` and so on."""
    found: dict[str, dict[str, float]] = {}
    for name, number in sums.counts.items():
        parts = split_field(name)
        if len(parts) == 2:
            found.setdefault(parts[1], {})[parts[0]] = number
    return found
