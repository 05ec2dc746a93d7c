"""What ``pointsman doctor`` asks NATS, the store and the services."""

from __future__ import annotations

import asyncio

import msgspec

from pointsman.cli.commands.findings import Finding
from pointsman.cli.http import GatewayClient, GatewayUnreachable
from pointsman.cli.target import Target
from pointsman.contracts.messages.subjects import POLICIES_STREAM, STREAM_SUBJECTS
from pointsman.runtime.bus import Bus, BusError, BusUnavailable, NoResponders, StreamMissing
from pointsman.runtime.bus.gather import gather
from pointsman.runtime.store.errors import StoreUnavailable, store_errors
from pointsman.runtime.store.store import Store

_PATIENCE_S = 3.0
_REPLICAS_ANSWER_S = 0.5
_START = "start it, or `pointsman up`; look at its log"


class _Readiness(msgspec.Struct, frozen=True):
    checks: dict[str, str] = {}


async def check_nats(target: Target) -> list[Finding]:
    """Check the connection, JetStream, the streams, and who answers decisions."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            bus = await Bus.connect(target.nats, "pointsman doctor")
    except (TimeoutError, OSError) as error:
        what = str(error) or f"no answer within {_PATIENCE_S:g} s"
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
        await bus.requests.call("$JS.API.INFO", b"", _PATIENCE_S)
    except NoResponders:
        return Finding("JetStream", False, "off", "start nats-server with --jetstream and a --store_dir")
    except BusError as error:
        return Finding("JetStream", False, str(error), "look at the log of NATS")
    return Finding("JetStream", True, "on")


async def _check_streams(bus: Bus) -> Finding:
    missing, full = [], []
    for stream in [*STREAM_SUBJECTS, POLICIES_STREAM]:
        try:
            messages = (await bus.info(stream, _PATIENCE_S)).state.messages
            full.append(f"{stream} {messages:,}")
        except StreamMissing:
            missing.append(stream)
        except BusError as error:
            return Finding("streams", False, str(error), "look at the log of NATS")
    if missing:
        return Finding("streams", False, f"missing: {', '.join(missing)}", "the gateway makes them when it starts")
    return Finding("streams", True, ", ".join(full))


async def _check_replicas(bus: Bus, target: Target) -> Finding:
    """Ask all decision replicas at once; how many there are is known of an embedded stack only."""
    answered: set[bytes] = set()
    try:
        responses = await gather(
            bus, "$SRV.PING.decision", wait_s=_REPLICAS_ANSWER_S, quiet_s=_REPLICAS_ANSWER_S, enough=lambda _: False
        )
        answered = {message.data for message in responses}
    except BusUnavailable:
        pass  # reported as no replica
    expected = max(1, len(target.stack.decision) if target.stack else 0)
    detail = (
        "1 replica of `decision` answers" if len(answered) == 1 else f"{len(answered)} replicas of `decision` answer"
    )
    if len(answered) < expected:
        remedy = "run `pointsman decision`, or look at the log of the ones that run"
        return Finding("decision", False, f"{detail}, {expected} expected", remedy)
    return Finding("decision", True, detail)


async def check_store(target: Target) -> list[Finding]:
    """Check the connection, and that the store neither evicts nor forgets."""
    store = Store(target.redis, timeout_ms=int(_PATIENCE_S * 1000))
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
        return Finding("store settings", True, f"cannot be asked ({error}); they should be noeviction, appendonly yes")
    told = {_text(name): _text(value) for name, value in settings.items()}
    wanted = {"maxmemory-policy": "noeviction", "appendonly": "yes"}
    wrong = {name: value for name, value in wanted.items() if told.get(name) != value}
    detail = ", ".join(f"{name} {told.get(name, 'unknown')}" for name in wanted)
    if wrong:
        remedy = "set " + ", ".join(f"{name} {value}" for name, value in wrong.items())
        return Finding("store settings", False, detail, f"{remedy}; an evicted arm would have to be learned again")
    return Finding("store settings", True, detail)


def _text(value: bytes | str | None) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


async def check_gateway(target: Target) -> list[Finding]:
    """Check the gateway, as its readiness says."""
    try:
        async with GatewayClient(target.gateway_url, _PATIENCE_S, target.api_key) as gateway:
            reply = await gateway.get("/readyz")
            known = await gateway.get("/v1/policies")
    except (GatewayUnreachable, ValueError) as error:
        return [Finding("gateway", False, f"{target.gateway_url}: {error}", _START)]
    if known.status in (401, 403):
        remedy = "name one with --api-key or in POINTSMAN_API_KEY; `pointsman keys create --scopes read` makes one"
        return [Finding("gateway", False, f"{target.gateway_url}: {known.problem()}", remedy)]
    if reply.ok:
        return [Finding("gateway", True, f"{target.gateway_url} is ready")]
    try:
        checks = msgspec.json.decode(reply.body, type=_Readiness).checks
    except msgspec.MsgspecError:
        checks = {}
    wrong = ", ".join(f"{name}: {word}" for name, word in checks.items() if word != "ok") or f"answers {reply.status}"
    return [
        Finding("gateway", False, f"{target.gateway_url} is not ready: {wrong}", "see the checks above, and its log")
    ]
