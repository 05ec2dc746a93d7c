"""Checks of the gateway and of the policies that it serves."""

from pointsman.cli.commands.doctor.finding import Finding
from pointsman.cli.commands.doctor.inspection import START_REMEDY, Inspection
from pointsman.cli.gateway import GatewayClient, GatewayUnavailable
from pointsman.cli.stack.probes import failed_checks

TIMEOUT_S = 3.0


async def check_gateway(inspection: Inspection) -> list[Finding]:
    """Check that the gateway is ready and accepts the API key."""
    target = inspection.target
    try:
        async with GatewayClient(target.gateway_url, TIMEOUT_S, target.api_key) as gateway:
            readiness = await gateway.get("/readyz")
            policies = await gateway.get("/v1/policies")
    except (GatewayUnavailable, ValueError) as error:
        return [Finding("gateway", False, f"{target.gateway_url}: {error}", START_REMEDY)]
    if policies.status in (401, 403):
        remedy = "give one with --api-key or POINTSMAN_API_KEY; `pointsman keys create --scopes read` creates one"
        return [Finding("gateway", False, f"{target.gateway_url}: {policies.problem()}", remedy)]
    if failed := failed_checks(readiness):
        remedy = "see the checks above and the log of the gateway"
        return [Finding("gateway", False, f"{target.gateway_url} is not ready: {failed}", remedy)]
    return [Finding("gateway", True, f"{target.gateway_url} is ready")]


async def check_policies(inspection: Inspection) -> list[Finding]:
    """Compare the policies in force with the file of the gateway; the gateway's own check reports a refusal."""
    target = inspection.target
    try:
        async with GatewayClient(target.gateway_url, TIMEOUT_S, target.api_key) as gateway:
            response = await gateway.get("/v1/policies")
    except (GatewayUnavailable, ValueError):
        return []
    if not response.ok:
        return []
    tiers = response.json()["policies"]
    other = [view for view in tiers if view.get("source", "file") != "file"]
    if not other:
        return [Finding("policies", True, "those of the gateway's configuration file")]
    return [Finding(f"policies {view['tier']}", False, view["override"], serious=False) for view in other]
