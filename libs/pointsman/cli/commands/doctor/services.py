"""Checks of the services: the decision replicas and the gateway."""

from pointsman.cli.commands.doctor.finding import Finding
from pointsman.cli.commands.doctor.inspection import START_REMEDY, Inspection
from pointsman.cli.gateway import GatewayClient, GatewayUnavailable
from pointsman.cli.stack.probes import failed_checks
from pointsman.runtime.bus import BusUnavailable

TIMEOUT_S = 3.0
REPLICA_TIMEOUT_S = 0.5


async def check_replicas(inspection: Inspection) -> list[Finding]:
    """Ping all decision replicas. How many are expected is known for an embedded stack only."""
    bus, stack = inspection.bus, inspection.target.stack
    if bus is None:
        return []
    try:
        responses = await bus.gather(
            "$SRV.PING.decision", wait_s=REPLICA_TIMEOUT_S, quiet_s=REPLICA_TIMEOUT_S, enough=lambda _: False
        )
        replies = {message.data for message in responses}
    except BusUnavailable:
        replies = set()
    expected = max(1, len(stack.decision) if stack else 0)
    detail = (
        "1 replica of `decision` responds" if len(replies) == 1 else f"{len(replies)} replicas of `decision` respond"
    )
    if len(replies) < expected:
        remedy = "run `pointsman decision`, or see the logs of those that run"
        return [Finding("decision", False, f"{detail}, {expected} expected", remedy)]
    return [Finding("decision", True, detail)]


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
