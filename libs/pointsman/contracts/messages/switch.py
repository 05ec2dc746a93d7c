"""Switching the active policy of a tier: what the tier's policies are after a change. Pure: nothing is written here.

Every change goes through `changed`, so that two things are true of whatever is in force: `active_since_ms` is when the
active policy began to serve, and `replaced` is the policy that it replaced if that was a promotion.
"""

from __future__ import annotations

import msgspec

from pointsman.contracts.messages.errors import NoSuchShadow, SwitchRefused
from pointsman.contracts.messages.policies import MAX_SHADOWS, PolicyChangeRecord, PolicySpec, TierPolicies

MAX_REVERTED = 32
"""Identities that are remembered as taken back; the oldest go first."""

CHANGED_BY = {"configuration": "configuration", "automatic-promote": "automatic", "automatic-revert": "automatic"}
"""`TierPolicies.changed_by` by the kind of the change; ``api`` for all others."""


def changed(current: TierPolicies | None, wanted: TierPolicies, change: PolicyChangeRecord) -> TierPolicies:
    """Return what is in force after a change of the active policy or of the shadows.

    Parameters
    ----------
    current : TierPolicies or None
        What was in force; None when nothing was, or nothing that can be read.
    wanted : TierPolicies
        Its active policy and its shadows are to be in force.
    change : PolicyChangeRecord
        For the record; the names of the policies are filled in here.
    """
    stays = current is not None and current.active.identity == wanted.active.identity
    change = msgspec.structs.replace(
        change, policy=wanted.active.name, replaced=current.active.name if current is not None else ""
    )
    return msgspec.structs.replace(
        wanted,
        changed_at_ms=change.at_ms,
        changed_by=CHANGED_BY.get(change.kind, "api"),
        active_since_ms=current.active_since_ms if current is not None and stays else change.at_ms,
        replaced=current.replaced if current is not None and stays else None,
        reverted=current.reverted if current is not None and change.kind != "configuration" else [],
        change=change,
    )


def promoted(current: TierPolicies, name: str, change: PolicyChangeRecord) -> TierPolicies:
    """Return the policies with a shadow made active. The policy that served goes on as a shadow, in its place.

    Both run on all decisions from then on, whatever share the shadow was run on.

    Raises
    ------
    NoSuchShadow
    SwitchRefused
        When it serves already, or the policy that serves has the name of another shadow, so that it could not go on
        under its own.
    """
    shadow = find_shadow(current, name)
    stepping_down = _whole(current.active)
    if shadow.identity == stepping_down.identity:
        raise SwitchRefused(f"{name!r} is what serves already")
    others = [spec for spec in current.shadows if spec.name != name and spec.identity != stepping_down.identity]
    if any(spec.name == stepping_down.name for spec in others):
        raise SwitchRefused(
            f"{stepping_down.name!r}, which serves, goes on as a shadow, but another shadow has its name: "
            "rename or remove that shadow first"
        )
    place = next(at for at, spec in enumerate(current.shadows) if spec.name == name)
    others.insert(min(place, len(others)), stepping_down)
    wanted = msgspec.structs.replace(current, active=_whole(shadow), shadows=others)
    after = changed(current, wanted, change)
    return msgspec.structs.replace(
        after,
        replaced=stepping_down,
        reverted=[identity for identity in current.reverted if identity != shadow.identity],
    )


def reverted(current: TierPolicies, change: PolicyChangeRecord) -> TierPolicies:
    """Return the policies with the one active again that the last promotion replaced.

    What was promoted goes on as a shadow, unless another shadow has its name or there is no room: taking back a
    promotion must never fail for that.

    Raises
    ------
    SwitchRefused
        When there is no promotion to take back: there was none, or the active policy was changed since in another way.
    """
    back = current.replaced
    if back is None:
        raise SwitchRefused(f"there is no promotion to take back: {current.active.name!r} was not promoted")
    stepping_down = _whole(current.active)
    place = next((at for at, spec in enumerate(current.shadows) if spec.identity == back.identity), 0)
    others = [spec for spec in current.shadows if spec.identity not in (back.identity, stepping_down.identity)]
    if len(others) < max(MAX_SHADOWS, len(current.shadows)) and all(s.name != stepping_down.name for s in others):
        others.insert(min(place, len(others)), stepping_down)
    wanted = msgspec.structs.replace(current, active=_whole(back), shadows=others)
    after = changed(current, wanted, change)
    taken_back = [identity for identity in current.reverted if identity != stepping_down.identity]
    return msgspec.structs.replace(after, replaced=None, reverted=[*taken_back, stepping_down.identity][-MAX_REVERTED:])


def find_shadow(policies: TierPolicies, name: str) -> PolicySpec:
    """Return the shadow of that name.

    Raises
    ------
    NoSuchShadow, SwitchRefused
        When there is none; when it is what serves.
    """
    for spec in policies.shadows:
        if spec.name == name:
            return spec
    if name == policies.active.name:
        raise SwitchRefused(f"{name!r} is what serves already")
    names = ", ".join(spec.name for spec in policies.shadows) or "none"
    raise NoSuchShadow(f"no shadow is called {name[:80]!r}; there is {names}")


def _whole(spec: PolicySpec) -> PolicySpec:
    """Return the policy, run on every decision."""
    return msgspec.structs.replace(spec, sample=None)
