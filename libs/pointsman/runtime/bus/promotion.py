"""Saying that another policy serves, on ``alerts.promotion.<tier>``. The bucket is the record; this is the notice."""

from __future__ import annotations

import msgspec

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.notices import Alert
from pointsman.contracts.messages.policies import PolicyChangeRecord, TierPolicies
from pointsman.runtime.bus.bus import Bus

KIND = "promotion"

_DID = {
    "promote": "{policy} was promoted by {by}; {replaced} goes on as a shadow",
    "revert": "{policy} was put back by {by}; it had been replaced by {replaced}",
    "automatic-promote": "{policy} was promoted automatically; {replaced} goes on as a shadow",
    "automatic-revert": "{policy} was put back automatically; it had been replaced by {replaced}",
}


async def announce(bus: Bus, tier: str, version: int, policies: TierPolicies, service: str) -> None:
    """Raise the alert about the change that made a version.

    Doing it again within two minutes changes nothing.
    """
    change = policies.change
    assert change is not None  # whoever switches puts the change on record
    alert = Alert(
        kind=KIND,
        tier=tier,
        text=describe(tier, change),
        service=service,
        raised_at_ms=change.at_ms,
        detail={"version": version, **msgspec.to_builtins(change)},
    )
    headers = {"Nats-Msg-Id": f"{KIND}.{tier}.{version}"}
    await bus.append(subjects.alert(KIND, tier), encode(alert), headers=headers)


def describe(tier: str, change: PolicyChangeRecord) -> str:
    """Return a change in words."""
    by = f"{change.by} ({change.person})" if change.person else change.by
    did = _DID.get(change.kind, "{policy} serves, after {replaced}; changed by {by}")
    text = f"tier {tier}: {did.format(policy=change.policy, replaced=change.replaced, by=by)}"
    return f"{text}: {change.why}" if change.why else text
