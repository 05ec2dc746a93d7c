"""Which policy is live in a tier and which run in shadow: the value of one key in the bucket ``policies``."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from pointsman.contracts.messages.codec import Message
from pointsman.core.bandit import RewardRule, RewardSettings

MAX_SHADOWS = 16
"""Shadows that a tier can be given at run time."""


class PolicySpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A policy by name.

    Attributes
    ----------
    name : str
        What reports and events call it.
    algorithm : str
        ``linucb``, ``epsilon-greedy``, ``thompson``, ``softmax``, ``static:<provider>:<model>``, ``cheapest``,
        ``uniform`` or ``module:Class``.
    parameters : object
        Keyword arguments of the algorithm, as ``{"alpha": 1.5, "epsilon": 0.05}``.
    lambda_cost, mu_latency : float, optional
        λ and μ of the reward that the policy learns from; those of ``[reward]`` when left out.
    forgetting : float, optional
        γ, above 0 and at most 1: what is kept of an arm's statistics at each of its outcomes; 1, nothing is forgotten,
        when left out.
    sample : float, optional
        For a shadow: the share of decisions that it is run on, above 0 and at most 1; all when left out.
    """

    name: str
    algorithm: str
    parameters: dict[str, Any] = {}
    lambda_cost: float | None = None
    mu_latency: float | None = None
    forgetting: float | None = None
    sample: float | None = None

    @property
    def identity(self) -> str:
        """Name and a digest of what the name stands for; statistics are kept by it.

        The share of decisions it is run on is not part of it: statistics of more or fewer decisions are of one kind.
        """
        kind: list[Any] = [self.algorithm, self.parameters]
        learning = [self.lambda_cost, self.mu_latency, self.forgetting]
        if learning != [None, None, None]:
            kind.append(learning)
        what = msgspec.json.encode(kind, order="deterministic")
        return f"{self.name}@{hashlib.sha256(what).hexdigest()[:12]}"

    def reward_rule(self, configured: RewardSettings) -> RewardRule:
        """Return the rule that the policy learns with: the configured one with the policy's own settings."""
        settings = msgspec.structs.asdict(configured)
        own = {name: getattr(self, name) for name in ("lambda_cost", "mu_latency", "forgetting")}
        return RewardRule(**settings | {name: value for name, value in own.items() if value is not None})


class RequestedPolicy(PolicySpec, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A policy as a request names it: there an unknown field is an error, in the bucket it is skipped."""


class PolicyChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of ``PUT /v1/policies/{tier}``; what is left out stays as it is."""

    active: RequestedPolicy | None = None
    shadows: list[RequestedPolicy] | None = None


class PromotionRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of ``POST /v1/policies/{tier}/promote``.

    Attributes
    ----------
    policy : str
        Name of the shadow that is to serve.
    version : int, optional
        The version of the tier's policies that this was decided on; refused when they have changed since.
    why : str
        For the record.
    person : str
        For the record: who asks for it, where several use one API key.
    """

    policy: str
    version: int | None = None
    why: str = ""
    person: str = ""


class RevertRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of ``POST /v1/policies/{tier}/revert``.

    Attributes
    ----------
    version : int, optional
        The version of the tier's policies that this was decided on; refused when they have changed since.
    why : str
        For the record.
    person : str
        For the record: who asks for it, where several use one API key.
    """

    version: int | None = None
    why: str = ""
    person: str = ""


class PolicyChangeRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who changed a tier's policies, when, why and on what evidence.

    Attributes
    ----------
    at_ms : int
        Unix milliseconds.
    kind : str
        ``configuration``, ``api`` (``PUT``), ``promote``, ``revert``, ``automatic-promote`` or ``automatic-revert``.
    by : str
        Name of the API key; ``anonymous`` where none is needed; ``configuration``, or ``shadow-evaluator`` for what
        happened automatically.
    person : str
        Who asked for it, by their own account.
    policy, replaced : str
        Name of the policy that serves from then on, and of the one before. The same for a change of shadows only.
    why : str
        As given; for an automatic change the numbers that it rests on.
    evidence : object, optional
        For a promotion, the row of the shadow report about the promoted policy at that moment, without its lists. For
        a reversion, the row about the policy that comes back.
    no_evidence : str
        Why there is no such row.
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
    configured : str
        Digest of the configuration that this came from or was last reconciled with. A service that starts with
        another configuration puts that in force; a change made at run time outlives a restart.
    changed_by : str
        ``configuration``, ``api`` or ``automatic``.
    active_since_ms : int
        When the active policy began to serve, by the clock of who put it in force; a change of shadows leaves it as
        it is. No report looks back further. 0 when an older Pointsman wrote this and did not say.
    replaced : object, optional
        The policy that the last promotion replaced, as long as what was promoted serves: what a reversion puts back.
    reverted : list of str
        Identities of policies that were promoted and taken back. They are not promoted automatically again.
    change : object, optional
        The change that made this version.
    """

    active: PolicySpec
    shadows: list[PolicySpec] = []
    configured: str = ""
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
