"""Changes of a tier's policies: configuration, API, promotion and reversion. Pure functions without I/O.

Every change uses `changed`, which keeps two invariants: `active_since_ms` is the time when the active policy began to
serve, and `replaced` is the policy that it replaced, if it was promoted.
"""

import msgspec

from pointsman.contracts.messages.errors import NoSuchShadow, SwitchRefused
from pointsman.contracts.messages.exploration import with_floor
from pointsman.contracts.messages.policies import MAX_SHADOWS, PolicyChangeRecord, PolicySpec, TierPolicies

MAX_REVERTED = 32
"""Number of reverted identities that are kept; the oldest are dropped first."""

CHANGED_BY = {"configuration": "configuration", "automatic-promote": "automatic", "automatic-revert": "automatic"}
"""`TierPolicies.changed_by` for each kind of change; ``api`` for all others."""


def changed(current: TierPolicies | None, wanted: TierPolicies, change: PolicyChangeRecord) -> TierPolicies:
    """Return the policies after a change of the active policy or of the shadows.

    Parameters
    ----------
    current : TierPolicies or None
        The policies before; None when there were none, or when they cannot be decoded.
    wanted : TierPolicies
        The new active policy and shadows.
    change : PolicyChangeRecord
        Record of the change; the names of the policies are added here.
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


def promoted(current: TierPolicies, name: str, change: PolicyChangeRecord, *, floor: float) -> TierPolicies:
    """Return the policies with a shadow as the active policy. The policy it replaces takes its place as a shadow.

    Both run on all decisions from then on, even if the shadow was sampled. A shadow that explores less than ``floor``
    is promoted with that exploration (see `with_floor`).

    Raises
    ------
    NoSuchShadow
    SwitchRefused
        When the shadow is the active policy already, or when the name of the active policy is used by another shadow.
    """
    shadow = find_shadow(current, name)
    active, stepping_down = with_floor(_unsampled(shadow), floor), _unsampled(current.active)
    if active.identity == stepping_down.identity:
        raise SwitchRefused(f"{name!r} is the active policy already")
    others = [spec for spec in current.shadows if spec.name != name and spec.identity != stepping_down.identity]
    if any(spec.name == stepping_down.name for spec in others):
        raise SwitchRefused(
            f"the active policy {stepping_down.name!r} would become a shadow, but another shadow has this name: "
            "rename or remove that shadow first"
        )
    place = next(at for at, spec in enumerate(current.shadows) if spec.name == name)
    others.insert(min(place, len(others)), stepping_down)
    wanted = msgspec.structs.replace(current, active=active, shadows=others)
    after = changed(current, wanted, change)
    return msgspec.structs.replace(
        after,
        replaced=stepping_down,
        reverted=[identity for identity in current.reverted if identity not in (shadow.identity, active.identity)],
    )


def reverted(current: TierPolicies, change: PolicyChangeRecord) -> TierPolicies:
    """Return the policies with the policy active that the last promotion replaced.

    The promoted policy becomes a shadow, unless another shadow has its name or there are `MAX_SHADOWS` shadows: a
    reversion must never fail for this reason.

    Raises
    ------
    SwitchRefused
        When there is no promotion to revert: there was none, or the active policy was changed since then.
    """
    back = current.replaced
    if back is None:
        raise SwitchRefused(f"there is no promotion to revert: {current.active.name!r} was not promoted")
    stepping_down = _unsampled(current.active)
    place = next((at for at, spec in enumerate(current.shadows) if spec.identity == back.identity), 0)
    others = [spec for spec in current.shadows if spec.identity not in (back.identity, stepping_down.identity)]
    if len(others) < max(MAX_SHADOWS, len(current.shadows)) and all(s.name != stepping_down.name for s in others):
        others.insert(min(place, len(others)), stepping_down)
    wanted = msgspec.structs.replace(current, active=_unsampled(back), shadows=others)
    after = changed(current, wanted, change)
    taken_back = [identity for identity in current.reverted if identity != stepping_down.identity]
    return msgspec.structs.replace(after, replaced=None, reverted=[*taken_back, stepping_down.identity][-MAX_REVERTED:])


def find_shadow(policies: TierPolicies, name: str) -> PolicySpec:
    """Return the shadow of that name.

    Raises
    ------
    NoSuchShadow, SwitchRefused
        When there is none; when it is the name of the active policy.
    """
    for spec in policies.shadows:
        if spec.name == name:
            return spec
    if name == policies.active.name:
        raise SwitchRefused(f"{name!r} is the active policy already")
    names = ", ".join(spec.name for spec in policies.shadows) or "none"
    raise NoSuchShadow(f"there is no shadow {name[:80]!r}; the shadows are: {names}")


def _unsampled(spec: PolicySpec) -> PolicySpec:
    """Return the policy without sampling."""
    return msgspec.structs.replace(spec, sample=None)
