"""Checks of NATS, the store, the decision replicas and the gateway."""

import asyncio

from pointsman.cli.commands.doctor.finding import Finding
from pointsman.cli.gateway import GatewayClient, GatewayUnavailable
from pointsman.cli.stack.probes import failed_checks
from pointsman.cli.target import Target
from pointsman.contracts.messages.subjects import POLICIES_STREAM, STREAM_SUBJECTS
from pointsman.runtime.bus import Bus, BusError, BusUnavailable, NoResponders, StreamMissing
from pointsman.runtime.store.errors import StoreUnavailable, store_errors
from pointsman.runtime.store.store import Store

PROBE_TIMEOUT_S = 3.0
REPLICA_TIMEOUT_S = 0.5
_START = "start it, or `pointsman up`; see its log"


async def check_nats(target: Target) -> list[Finding]:
    """Check the connection, JetStream, the streams and the decision replicas."""
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            bus = await Bus.connect(target.nats, "pointsman doctor")
    except (TimeoutError, OSError) as error:
        what = str(error) or f"no response within {PROBE_TIMEOUT_S:g} s"
        return [Finding("NATS", False, f"{target.nats.public_url}: {what}", _START)]
    try:
        found = [Finding("NATS", True, target.nats.public_url)]
        jetstream = await _check_jetstream(bus)
        found.append(jetstream)
        if jetstream.ok:
            found.append(await _check_streams(bus))
        return [*found, await _check_replicas(bus, target)]
    finally:
        await bus.close()


async def _check_jetstream(bus: Bus) -> Finding:
    try:
        await bus.requests.call("$JS.API.INFO", b"", PROBE_TIMEOUT_S)
    except NoResponders:
        return Finding("JetStream", False, "off", "start nats-server with --jetstream and a --store_dir")
    except BusError as error:
        return Finding("JetStream", False, str(error), "see the log of NATS")
    return Finding("JetStream", True, "on")


async def _check_streams(bus: Bus) -> Finding:
    missing, present = [], []
    for stream in [*STREAM_SUBJECTS, POLICIES_STREAM]:
        try:
            messages = (await bus.info(stream, PROBE_TIMEOUT_S)).state.messages
            present.append(f"{stream} {messages:,}")
        except StreamMissing:
            missing.append(stream)
        except BusError as error:
            return Finding("streams", False, str(error), "see the log of NATS")
    if missing:
        return Finding("streams", False, f"missing: {', '.join(missing)}", "the gateway creates them when it starts")
    return Finding("streams", True, ", ".join(present))


async def _check_replicas(bus: Bus, target: Target) -> Finding:
    """Ping all decision replicas. How many are expected is known for an embedded stack only."""
    try:
        responses = await bus.gather(
            "$SRV.PING.decision", wait_s=REPLICA_TIMEOUT_S, quiet_s=REPLICA_TIMEOUT_S, enough=lambda _: False
        )
        replies = {message.data for message in responses}
    except BusUnavailable:
        replies = set()
    expected = max(1, len(target.stack.decision) if target.stack else 0)
    detail = (
        "1 replica of `decision` responds" if len(replies) == 1 else f"{len(replies)} replicas of `decision` respond"
    )
    if len(replies) < expected:
        remedy = "run `pointsman decision`, or see the logs of those that run"
        return Finding("decision", False, f"{detail}, {expected} expected", remedy)
    return Finding("decision", True, detail)


async def check_store(target: Target) -> list[Finding]:
    """Check the connection, and that the store does not evict keys and writes its data to disk."""
    store = Store(target.redis, timeout_ms=int(PROBE_TIMEOUT_S * 1000))
    try:
        await store.ping()
        return [Finding("store", True, target.redis.public_url), await _check_store_settings(store)]
    except StoreUnavailable as error:
        return [Finding("store", False, f"{target.redis.public_url}: {error}", _START)]
    finally:
        await store.close()


async def _check_store_settings(store: Store) -> Finding:
    try:
        with store_errors():
            settings = {**await store.redis.config_get("maxmemory-policy", "appendonly")}
    except StoreUnavailable as error:
        return Finding("store settings", True, f"cannot be read ({error}); expected noeviction, appendonly yes")
    found = {_text(name): _text(value) for name, value in settings.items()}
    wanted = {"maxmemory-policy": "noeviction", "appendonly": "yes"}
    wrong = {name: value for name, value in wanted.items() if found.get(name) != value}
    detail = ", ".join(f"{name} {found.get(name, 'unknown')}" for name in wanted)
    if wrong:
        remedy = "set " + ", ".join(f"{name} {value}" for name, value in wrong.items())
        return Finding("store settings", False, detail, f"{remedy}; an evicted arm must be learned again")
    return Finding("store settings", True, detail)


def _text(value: bytes | str | None) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


async def check_gateway(target: Target) -> list[Finding]:
    """Check that the gateway is ready and accepts the API key."""
    try:
        async with GatewayClient(target.gateway_url, PROBE_TIMEOUT_S, target.api_key) as gateway:
            readiness = await gateway.get("/readyz")
            policies = await gateway.get("/v1/policies")
    except (GatewayUnavailable, ValueError) as error:
        return [Finding("gateway", False, f"{target.gateway_url}: {error}", _START)]
    if policies.status in (401, 403):
        remedy = "give one with --api-key or POINTSMAN_API_KEY; `pointsman keys create --scopes read` creates one"
        return [Finding("gateway", False, f"{target.gateway_url}: {policies.problem()}", remedy)]
    if failed := failed_checks(readiness):
        remedy = "see the checks above and the log of the gateway"
        return [Finding("gateway", False, f"{target.gateway_url} is not ready: {failed}", remedy)]
    return [Finding("gateway", True, f"{target.gateway_url} is ready")]
