"""Which policy is live in a tier and which run in shadow: the value of one key in the bucket ``policies``."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from pointsman.messages.codec import Message


class PolicySpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A policy by name.

    Attributes
    ----------
    name : str
        What reports and events call it.
    algorithm : str
        ``linucb``, ``epsilon-greedy``, ``static:<provider>:<model>``, ``cheapest``, ``uniform`` or ``module:Class``.
    parameters : object
        Keyword arguments of the algorithm, as ``{"alpha": 1.5, "epsilon": 0.05}``.
    """

    name: str
    algorithm: str
    parameters: dict[str, Any] = {}

    @property
    def identity(self) -> str:
        """Name and a digest of what the name stands for; statistics are kept by it."""
        what = msgspec.json.encode([self.algorithm, self.parameters], order="deterministic")
        return f"{self.name}@{hashlib.sha256(what).hexdigest()[:12]}"


class RequestedPolicy(PolicySpec, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A policy as a request names it: there an unknown field is an error, in the bucket it is skipped."""


class PolicyChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of ``PUT /v1/policies/{tier}``; what is left out stays as it is."""

    active: RequestedPolicy | None = None
    shadows: list[RequestedPolicy] | None = None


class TierPolicies(Message, frozen=True, kw_only=True):
    """The policies of one tier. Their version is the revision of the bucket's key.

    Attributes
    ----------
    configured : str
        Digest of the configuration that this came from or was last reconciled with. A service that starts with
        another configuration puts that in force; a change made at run time outlives a restart.
    changed_by : str
        ``configuration`` or ``api``.
    """

    active: PolicySpec
    shadows: list[PolicySpec] = []
    configured: str = ""
    changed_at_ms: int = 0
    changed_by: str = "configuration"


change_decoder = msgspec.json.Decoder(PolicyChange)
policies_decoder = msgspec.json.Decoder(TierPolicies)
