"""Checks of the gateway and of the policies that it serves."""

import msgspec

from pointsman.cli.commands.doctor.finding import Finding
from pointsman.cli.commands.doctor.inspection import START_REMEDY, Inspection
from pointsman.cli.commands.doctor.processes import reported_findings
from pointsman.cli.gateway import GatewayClient, GatewayResponse, GatewayUnavailable
from pointsman.cli.stack.probes import failed_checks
from pointsman.contracts.messages.status import StatusProblem

TIMEOUT_S = 3.0


class _TierPolicies(msgspec.Struct, frozen=True):
    tier: str
    source: str = "file"
    override: str = ""


class _Policies(msgspec.Struct, frozen=True):
    policies: list[_TierPolicies]


async def check_gateway(inspection: Inspection) -> list[Finding]:
    """Check that the gateway is ready and accepts the API key."""
    target = inspection.target
    try:
        async with GatewayClient(target.gateway_url, TIMEOUT_S, target.api_key) as gateway:
            readiness = await gateway.get("/readyz")
            policies = await gateway.get("/v1/policies")
            system = await gateway.get("/v1/system") if inspection.bus is None else None
    except (GatewayUnavailable, ValueError) as error:
        return [Finding("gateway", False, f"{target.gateway_url}: {error}", START_REMEDY)]
    if policies.status in (401, 403):
        remedy = "give one with --api-key or POINTSMAN_API_KEY; `pointsman keys create --scopes read` creates one"
        return [Finding("gateway", False, f"{target.gateway_url}: {policies.problem()}", remedy)]
    if policies.status == 404 or (policies.ok and _decode(policies) is None):
        remedy = "end the program that has this port, or give the address of the gateway with --url"
        return [Finding("gateway", False, f"{target.gateway_url}: a program that is not Pointsman responds", remedy)]
    reported = [] if system is None or not system.ok else _reported(system.body)
    if failed := failed_checks(readiness):
        remedy = "see the checks above and the log of the gateway"
        return [Finding("gateway", False, f"{target.gateway_url} is not ready: {failed}", remedy), *reported]
    return [Finding("gateway", True, f"{target.gateway_url} is ready"), *reported]


class _Reported(msgspec.Struct, frozen=True):
    service: str
    kind: str
    subject: str
    text: str
    serious: bool


class _System(msgspec.Struct, frozen=True):
    reported: list[_Reported] = []


def _reported(body: bytes) -> list[Finding]:
    """Return the problems that the gateway knows without NATS: its own."""
    try:
        found = msgspec.json.decode(body, type=_System).reported
    except msgspec.MsgspecError:
        return []
    return reported_findings(
        (each.service, msgspec.convert(each, StatusProblem, from_attributes=True)) for each in found
    )


async def check_policies(inspection: Inspection) -> list[Finding]:
    """Compare the policies in force with the file of the gateway; the gateway's own check reports a refusal."""
    target = inspection.target
    try:
        async with GatewayClient(target.gateway_url, TIMEOUT_S, target.api_key) as gateway:
            response = await gateway.get("/v1/policies")
    except (GatewayUnavailable, ValueError):
        return []
    if not response.ok or (tiers := _decode(response)) is None:
        return []
    other = [view for view in tiers if view.source != "file"]
    if not other:
        return [Finding("policies", True, "those of the gateway's configuration file")]
    return [Finding(f"policies {view.tier}", False, view.override, serious=False) for view in other]


def _decode(response: GatewayResponse) -> list[_TierPolicies] | None:
    """Return the policies of a response of ``/v1/policies``; None for the response of another program."""
    try:
        return msgspec.json.decode(response.body, type=_Policies).policies
    except msgspec.MsgspecError:
        return None
