"""Active policy and shadow policies of a tier: the value of the tier's key in the bucket ``policies``."""

import hashlib
from typing import Annotated, Any

import msgspec

from pointsman.contracts.messages.codec import Message
from pointsman.core.bandit import ALGORITHMS, RewardRule, RewardSettings
from pointsman.core.bounds import NonNegative, PositiveShare

MAX_SHADOWS = 16
"""Largest number of shadows that a tier can be given through the API."""


class PolicySpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Name, algorithm and settings of a policy.

    Attributes
    ----------
    name: Name in reports and events.
    parameters: Keyword arguments of the algorithm, for example ``{"alpha": 1.5, "epsilon": 0.05}``.
    lambda_cost, mu_latency: λ and μ of the reward that the policy learns from; those of ``[reward]`` by default.
    forgetting: γ, above 0 and at most 1: the share of an arm's statistics that is kept at each of its outcomes. The
        default 1 forgets nothing.
    sample: For a shadow: the share of decisions that it is evaluated on, above 0 and at most 1; all by default.
    """

    name: str
    algorithm: Annotated[str, msgspec.Meta(description=f"One of {', '.join(f'`{name}`' for name in ALGORITHMS)}.")]
    parameters: dict[str, Any] = {}
    lambda_cost: float | None = None
    mu_latency: float | None = None
    forgetting: float | None = None
    sample: float | None = None

    @property
    def identity(self) -> str:
        """Name and a digest of the settings; statistics are stored by it.

        `sample` is not part of the digest: it changes the number of decisions, not the meaning of their statistics.
        """
        kind: list[Any] = [self.algorithm, self.parameters]
        learning = [self.lambda_cost, self.mu_latency, self.forgetting]
        if learning != [None, None, None]:
            kind.append(learning)
        encoded = msgspec.json.encode(kind, order="deterministic")
        return f"{self.name}@{hashlib.sha256(encoded).hexdigest()[:12]}"

    def reward_rule(self, configured: RewardSettings) -> RewardRule:
        """Return the rule that the policy learns with: the configured one with the policy's own settings.

        A policy in the bucket may have settings out of range, and so may the rule.
        """
        settings = msgspec.structs.asdict(configured)
        own = {name: getattr(self, name) for name in ("lambda_cost", "mu_latency", "forgetting")}
        settings |= {name: value for name, value in own.items() if value is not None}
        return RewardRule(**settings)


class RequestedPolicy(PolicySpec, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A policy in a request, where an unknown field or a setting out of range is an error.

    Policies in the bucket are decoded as `PolicySpec`, so that those of other versions can be read.
    """

    lambda_cost: NonNegative | None = None
    mu_latency: NonNegative | None = None
    forgetting: PositiveShare | None = None
    sample: PositiveShare | None = None


class PolicyChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of ``PUT /v1/policies/{tier}``; a field that is absent changes nothing."""

    active: RequestedPolicy | None = None
    shadows: Annotated[list[RequestedPolicy], msgspec.Meta(max_length=MAX_SHADOWS)] | None = None


class RevertRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of ``POST /v1/policies/{tier}/revert``.

    Attributes
    ----------
    version: The version of the tier's policies that the request is based on; refused if they have changed since then.
    why: Recorded: the reason for the change.
    person: Recorded: who makes the change, where several people use one API key.
    """

    version: int | None = None
    why: str = ""
    person: str = ""


class PromotionRequest(RevertRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of ``POST /v1/policies/{tier}/promote``.

    Attributes
    ----------
    policy: Name of the shadow to promote.
    keep_floor: Raise its exploration to the evidence floor of the tier, if it explores less. Without exploration no
        shadow can be evaluated while it serves.
    force: Promote it although the verdict of the report is *cannot tell* or *do not promote*, or although it would not
        explore.
    """

    policy: str
    keep_floor: bool = True
    force: bool = False


class PolicyChangeRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Audit record of a change of a tier's policies.

    Attributes
    ----------
    at_ms: Unix milliseconds.
    kind: ``configuration``, ``api`` (``PUT``), ``promote``, ``revert``, ``automatic-promote`` or ``automatic-revert``.
    by: Name of the API key; ``anonymous`` without API keys; ``configuration``; or ``shadow-evaluator`` for automatic
        changes.
    person: Who made the change, as the request stated.
    policy, replaced: Names of the active policies after and before the change; equal if only shadows changed.
    why: Reason as the request stated; for an automatic change, the numbers it is based on.
    evidence: For a promotion, the row of the shadow report for the promoted policy at that time, without its lists. For
        a reversion, the row for the policy that becomes active again.
    no_evidence: Why there is no evidence.
    """

    at_ms: int
    kind: str
    by: str
    person: str = ""
    policy: str = ""
    replaced: str = ""
    why: str = ""
    evidence: dict[str, Any] | None = None
    no_evidence: str = ""


class TierPolicies(Message, frozen=True, kw_only=True):
    """The policies of one tier. Their version is the revision of the bucket's key.

    Attributes
    ----------
    configured: Digest of the configuration that was last applied. A service that starts with a configuration that was
        never applied applies that; a change made through the API survives a restart.
    superseded: Digests of the configurations that were applied before.
    changed_by: ``configuration``, ``api`` or ``automatic``.
    active_since_ms: When the active policy began to serve, by the clock of the service that made the change; a change
        of shadows does not change it. Reports start at this time. 0 from older versions.
    replaced: The policy that the last promotion replaced, while the promoted policy is active: a reversion restores it.
    reverted: Identities of policies whose promotion was reverted. They are not promoted automatically again.
    change: The change that created this version.
    """

    active: PolicySpec
    shadows: list[PolicySpec] = []
    configured: str = ""
    superseded: list[str] = []
    changed_at_ms: int = 0
    changed_by: str = "configuration"
    active_since_ms: int = 0
    replaced: PolicySpec | None = None
    reverted: list[str] = []
    change: PolicyChangeRecord | None = None


change_decoder = msgspec.json.Decoder(PolicyChange)
promotion_decoder = msgspec.json.Decoder(PromotionRequest)
revert_decoder = msgspec.json.Decoder(RevertRequest)
policies_decoder = msgspec.json.Decoder(TierPolicies)
