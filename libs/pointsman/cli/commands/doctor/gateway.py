"""Check of the gateway."""

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
