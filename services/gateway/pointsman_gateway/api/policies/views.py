"""JSON types of the policy endpoints."""

from collections.abc import Set
from typing import Any

import msgspec

from pointsman.contracts.messages.policies import PolicyChangeRecord, PolicySpec, TierPolicies
from pointsman.contracts.messages.precedence import override_warning, source_of
from pointsman.runtime.bus.policies import Revision
from pointsman_gateway.api.policies.validation import policy_warnings


class TierPoliciesView(msgspec.Struct, frozen=True, kw_only=True):
    """The policies of one tier.

    Attributes
    ----------
    version: Increases with every change; 0 when the configured policies are not in force yet.
    changed_at_ms: Unix milliseconds.
    changed_by: ``configuration``, ``api`` or ``automatic``.
    source: Where these policies come from: ``file`` (the configuration file of this gateway), ``other-file`` (a newer
        file, such as that of another gateway), ``api`` or ``automatic``.
    configured: Digest of the policies of the configuration file that was last applied.
    superseded: Digests of those that were applied before. A gateway that starts with one of them changes nothing.
    active_since_ms: When the active policy began to serve; a change of shadows does not change it. 0 when it is not
        known.
    replaced: The policy that the last promotion replaced, which a revert restores.
    reverted: Policies that were promoted and reverted, by name and digest. They are not promoted automatically again.
    change: The change that made this version.
    override: What of the gateway's configuration file is not in force, what is instead, and how to return to the file.
        Empty when the source is ``file``.
    warnings: What is wrong with the active policy: it does not explore, so that no shadow can be evaluated.
    """

    tier: str
    version: int
    active: PolicySpec
    shadows: list[PolicySpec]
    changed_at_ms: int
    changed_by: str
    source: str
    configured: str = ""
    superseded: list[str] = []
    active_since_ms: int = 0
    replaced: PolicySpec | None = None
    reverted: list[str] = []
    change: PolicyChangeRecord | None = None
    override: str = ""
    warnings: list[str] = []


class PolicyList(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to ``GET /v1/policies``."""

    policies: list[TierPoliciesView]


class PolicyRevision(msgspec.Struct, frozen=True, kw_only=True):
    """One version of the policies of a tier.

    Attributes
    ----------
    stored_at_ms: When the version came into force, by the clock of NATS. Unix milliseconds.
    active: None when this version is not readable.
    active_since_ms: When the active policy began to serve.
    changed_by: ``configuration``, ``api`` or ``automatic``.
    change: Who made the version, when, why and on what evidence. None in versions of an older Pointsman.
    problem: Why this version is not readable.
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
    versions: Newest first. The last 64 are kept.
    """

    tier: str
    versions: list[PolicyRevision]


def policies_view(
    tier: str, version: int, policies: TierPolicies, file: TierPolicies, classes: Set[str]
) -> TierPoliciesView:
    """Return the JSON type of a tier's policies.

    ``file``: those of the gateway's configuration file. Only the custom ``classes`` may be imported to describe them.
    """
    return TierPoliciesView(
        tier=tier,
        version=version,
        source=source_of(policies, file),
        override=override_warning(tier, policies, file),
        warnings=policy_warnings(policies.active, classes),
        **_fields(TierPoliciesView, policies),
    )


def revision_view(revision: Revision) -> PolicyRevision:
    """Return the JSON type of one version; without policies when it is not readable."""
    fields = _fields(PolicyRevision, revision.policies) if revision.policies else {}
    return PolicyRevision(version=revision.version, stored_at_ms=revision.at_ms, problem=revision.problem, **fields)


def _fields(view: type[msgspec.Struct], policies: TierPolicies) -> dict[str, Any]:
    names = set(view.__struct_fields__) & set(policies.__struct_fields__)
    return {name: getattr(policies, name) for name in names}
