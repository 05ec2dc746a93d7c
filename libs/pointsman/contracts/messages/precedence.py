"""Which policies of a tier are in force: those of a configuration file, or what has replaced them. Pure functions.

The newest change wins: a file that was never applied before replaces what is in force. A file that was replaced by
another one stays replaced, so that two gateways with different files do not replace each other's policies in turn.
"""

import msgspec

from pointsman.contracts.messages.policies import PolicySpec, TierPolicies

MAX_SUPERSEDED = 64
"""Number of digests of replaced configurations that are kept; the oldest are dropped first."""

FILE, OTHER_FILE, API, AUTOMATIC = "file", "other-file", "api", "automatic"
"""Sources of the policies in force."""

_ORIGINS = {
    OTHER_FILE: "from a newer configuration file",
    API: "set through the API by {by}",
    AUTOMATIC: "promoted or reverted automatically",
}


def source_of(current: TierPolicies, file: TierPolicies) -> str:
    """Return where the policies in force come from, for a gateway with the policies of ``file``."""
    if (current.active, current.shadows) == (file.active, file.shadows):
        return FILE
    if current.changed_by in (API, AUTOMATIC):
        return current.changed_by
    return OTHER_FILE


def stays(current: TierPolicies, configured: str) -> bool:
    """Return whether the policies in force stay when a gateway starts with a configuration of this digest."""
    return configured in (current.configured, *current.superseded)


def with_superseded(file: TierPolicies, current: TierPolicies | None) -> TierPolicies:
    """Return the policies of a file with the digests of the configurations that it replaces."""
    if current is None:
        return file
    before = dict.fromkeys([*current.superseded, current.configured])
    superseded = [digest for digest in before if digest not in ("", file.configured)]
    return msgspec.structs.replace(file, superseded=superseded[-MAX_SUPERSEDED:])


def override_warning(tier: str, current: TierPolicies, file: TierPolicies) -> str:
    """Return what of a file is not in force, what is instead, and how to return to the file; empty if all is."""
    source = source_of(current, file)
    if source == FILE:
        return ""
    origin = _ORIGINS[source].format(by=current.change.by if current.change else "an unknown client")
    if current.active != file.active:
        difference = f"policy {describe(file.active)} is not in force: {describe(current.active)} is"
    else:
        names = [", ".join(map(describe, it.shadows)) or "none" for it in (file, current)]
        difference = f"shadows are not in force ({names[0]}): the shadows are {names[1]}"
    return f"the file's {difference}, {origin}. `pointsman policies --tier {tier} --reset` returns to the file"


def describe(spec: PolicySpec) -> str:
    """Return a policy as a text: its name, and its algorithm and parameters."""
    own = {name: getattr(spec, name) for name in ("lambda_cost", "mu_latency", "forgetting", "sample")}
    values = {**spec.parameters, **{name: value for name, value in own.items() if value is not None}}
    parameters = ", ".join(f"{name} {value}" for name, value in values.items())
    title = spec.name if spec.name == spec.algorithm else f"{spec.name} = {spec.algorithm}"
    return f"{title} ({parameters})" if parameters else title
