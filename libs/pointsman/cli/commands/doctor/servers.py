"""Checks of the servers: NATS with its streams, and the store."""

from pointsman.cli.commands.doctor.finding import Finding
from pointsman.cli.commands.doctor.inspection import START_REMEDY, Inspection
from pointsman.contracts.messages.subjects import POLICIES_STREAM, STREAM_SUBJECTS
from pointsman.runtime.bus import Bus, BusError, NoResponders, StreamMissing
from pointsman.runtime.store.errors import StoreUnavailable, store_errors
from pointsman.runtime.store.store import Store

TIMEOUT_S = 3.0


async def check_nats(inspection: Inspection) -> list[Finding]:
    """Check the connection, JetStream and the streams."""
    url = inspection.target.nats.public_url
    if inspection.bus is None:
        return [Finding("NATS", False, f"{url}: {inspection.bus_problem}", START_REMEDY)]
    jetstream = await _check_jetstream(inspection.bus)
    found = [Finding("NATS", True, url), jetstream]
    return [*found, await _check_streams(inspection.bus)] if jetstream.ok else found


async def _check_jetstream(bus: Bus) -> Finding:
    try:
        await bus.requests.call("$JS.API.INFO", b"", TIMEOUT_S)
    except NoResponders:
        return Finding("JetStream", False, "off", "start nats-server with --jetstream and a --store_dir")
    except BusError as error:
        return Finding("JetStream", False, str(error), "see the log of NATS")
    return Finding("JetStream", True, "on")


async def _check_streams(bus: Bus) -> Finding:
    missing, present = [], []
    for stream in [*STREAM_SUBJECTS, POLICIES_STREAM]:
        try:
            messages = (await bus.info(stream, TIMEOUT_S)).state.messages
            present.append(f"{stream} {messages:,}")
        except StreamMissing:
            missing.append(stream)
        except BusError as error:
            return Finding("streams", False, str(error), "see the log of NATS")
    if missing:
        return Finding("streams", False, f"missing: {', '.join(missing)}", "the gateway creates them when it starts")
    return Finding("streams", True, ", ".join(present))


async def check_store(inspection: Inspection) -> list[Finding]:
    """Check the connection, and that the store does not evict keys and writes its data to disk."""
    url, store = inspection.target.redis.public_url, inspection.store
    try:
        await store.ping()
    except StoreUnavailable as error:
        return [Finding("store", False, f"{url}: {error}", START_REMEDY)]
    return [Finding("store", True, url), await _check_store_settings(store)]


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
