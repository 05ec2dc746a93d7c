"""JSON types of the policy endpoints."""

from __future__ import annotations

import msgspec

from pointsman.contracts.messages.policies import PolicyChangeRecord, PolicySpec, TierPolicies


class TierPoliciesView(msgspec.Struct, frozen=True, kw_only=True):
    """The policies of one tier.

    Attributes
    ----------
    version : int
        Increases with every change; 0 when the configured policies are not in force yet.
    changed_at_ms : int
        Unix milliseconds.
    changed_by : str
        ``configuration``, ``api`` or ``automatic``.
    active_since_ms : int
        When the active policy began to serve; a change of shadows does not change it. 0 when it is not known.
    replaced : object or None
        The policy that the last promotion replaced, which a revert restores.
    reverted : list of str
        Policies that were promoted and reverted, by name and digest. They are not promoted automatically again.
    change : object or None
        The change that made this version.
    """

    tier: str
    version: int
    active: PolicySpec
    shadows: list[PolicySpec]
    changed_at_ms: int
    changed_by: str
    active_since_ms: int = 0
    replaced: PolicySpec | None = None
    reverted: list[str] = []
    change: PolicyChangeRecord | None = None


class PolicyList(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to ``GET /v1/policies``."""

    policies: list[TierPoliciesView]


class PolicyRevision(msgspec.Struct, frozen=True, kw_only=True):
    """One version of the policies of a tier.

    Attributes
    ----------
    stored_at_ms : int
        When the version came into force, by the clock of NATS. Unix milliseconds.
    active : object or None
        None when this version is not readable.
    active_since_ms : int
        When the active policy began to serve.
    changed_by : str
        ``configuration``, ``api`` or ``automatic``.
    change : object or None
        Who made the version, when, why and on what evidence. None in versions of an older Pointsman.
    problem : str
        Why this version is not readable.
    """

    version: int
    stored_at_ms: int
    active: PolicySpec | None = None
    shadows: list[PolicySpec] = []
    active_since_ms: int = 0
    changed_by: str = ""
    change: PolicyChangeRecord | None = None
    problem: str = ""


class PolicyHistory(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to ``GET /v1/policies/{tier}/history``.

    Attributes
    ----------
    versions : list
        Newest first. The last 64 are kept.
    """

    tier: str
    versions: list[PolicyRevision]


def policies_view(tier: str, version: int, policies: TierPolicies) -> TierPoliciesView:
    """Return the JSON type of a tier's policies."""
    names = set(TierPoliciesView.__struct_fields__) & set(TierPolicies.__struct_fields__)
    return TierPoliciesView(tier=tier, version=version, **{name: getattr(policies, name) for name in names})
