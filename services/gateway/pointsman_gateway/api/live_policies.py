"""The policies of a tier as they are now, also while NATS cannot say."""

from __future__ import annotations

from pointsman.contracts.messages.policies import TierPolicies
from pointsman.runtime.bus import BusError
from pointsman.runtime.bus.policies import configured, read_policies
from pointsman_gateway.backends import Backends


async def live_policies(backends: Backends, tier: str) -> TierPolicies:
    """Return what is in force in a configured tier; while NATS cannot say, what was last seen or is configured."""
    bus = backends.bus
    if bus is not None:
        try:
            current = await read_policies(bus, tier)
        except BusError:
            current = None
        if current is not None:
            backends.policies[tier] = current[1]
            return current[1]
    if tier in backends.policies:
        return backends.policies[tier]
    section = backends.config.tier_named(tier)
    assert section is not None  # every caller has asked require_tier
    return configured(backends.config, section)
