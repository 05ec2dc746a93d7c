"""Checks of the servers: NATS with its streams, and the store."""

from pathlib import Path

from pointsman.cli.commands.doctor.finding import Finding
from pointsman.cli.commands.doctor.inspection import START_REMEDY, Inspection
from pointsman.cli.stack.errors import ProbeFailed
from pointsman.cli.stack.nats_recovery import write_error
from pointsman.contracts.messages.subjects import POLICIES_STREAM
from pointsman.runtime.bus import Bus, BusError, NoResponders, StreamMissing
from pointsman.runtime.bus.replication import STREAMS
from pointsman.runtime.store.errors import StoreUnavailable, store_errors
from pointsman.runtime.store.store import Store

TIMEOUT_S = 3.0


async def check_nats(inspection: Inspection) -> list[Finding]:
    """Check the connection, JetStream and the streams."""
    url = inspection.target.nats.public_url
    if inspection.bus is None:
        return [Finding("NATS", False, f"{url}: {inspection.bus_problem}", START_REMEDY)]
    jetstream = await _check_jetstream(inspection.bus)
    found = [Finding("NATS", True, url), jetstream, *await _check_writes(inspection)]
    return [*found, *await _check_streams(inspection, inspection.bus)] if jetstream.ok else found


async def _check_writes(inspection: Inspection) -> list[Finding]:
    """Check the writes of an embedded NATS; of others the monitor is not known, and the processes report failures."""
    stack = inspection.target.stack
    if stack is None or not stack.nats:
        return []
    try:
        error = await write_error(stack.nats[0].monitor)
    except ProbeFailed as failure:
        return [Finding("NATS writes", False, str(failure), "see the log of NATS", serious=False)]
    remedy = "make room on its disk; `pointsman up` then restarts NATS by itself"
    return [Finding("NATS writes", not error, error or "no failed write", remedy if error else "")]


async def _check_jetstream(bus: Bus) -> Finding:
    try:
        await bus.requests.call("$JS.API.INFO", b"", TIMEOUT_S)
    except NoResponders:
        return Finding("JetStream", False, "off", "start nats-server with --jetstream and a --store_dir")
    except BusError as error:
        return Finding("JetStream", False, str(error), "see the log of NATS")
    return Finding("JetStream", True, "on")


async def _check_streams(inspection: Inspection, bus: Bus) -> list[Finding]:
    missing, present, damaged = [], [], []
    for stream in STREAMS:
        try:
            state = (await bus.info(stream, TIMEOUT_S)).state
        except StreamMissing:
            missing.append(_with_folder(stream, inspection.target.data_dir))
        except BusError as error:
            return [Finding("streams", False, str(error), "see the log of NATS")]
        else:
            present.append(f"{stream} {state.messages:,}")
            if state.missing and stream != POLICIES_STREAM:
                damaged.append(f"{stream} has lost {state.missing:,} of its messages")
    found = [Finding("streams", True, ", ".join(present))]
    if missing:
        remedy = "a new installation: start the gateway, which creates them; otherwise `pointsman logs restore`"
        found = [Finding("streams", False, f"missing: {', '.join(missing)}", remedy)]
    if damaged:
        remedy = "restore a backup; see PointsmanLogDamaged in docs/how-to/operate.md"
        found.append(Finding("messages", False, "; ".join(damaged), remedy))
    return found


def _with_folder(stream: str, data_dir: Path | None) -> str:
    """Return the stream's name, and the directory of its files in an embedded stack, if there is one."""
    folders = sorted(data_dir.glob(f"nats/jetstream/*/streams/{stream}")) if data_dir else []
    return f"{stream} (its files are in {folders[0]})" if folders else stream


async def check_store(inspection: Inspection) -> list[Finding]:
    """Check the connection, and that the store does not evict keys and writes its data to disk."""
    url, store = inspection.target.redis.public_url, inspection.store
    try:
        await store.ping()
    except StoreUnavailable as error:
        remedy = "make room on its disk: until then nothing is learned" if "MISCONF" in str(error) else START_REMEDY
        return [Finding("store", False, f"{url}: {error}", remedy)]
    return [Finding("store", True, url), await _check_store_settings(store), *await _check_store_writes(store)]


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


async def _check_store_writes(store: Store) -> list[Finding]:
    try:
        with store_errors():
            persistence = await store.redis.info("persistence")
    except StoreUnavailable:
        return []  # this user may not ask
    state = _text(persistence.get("aof_last_write_status", "ok"))
    remedy = "" if state == "ok" else "make room on its disk: until then nothing is learned"
    return [Finding("store writes", state == "ok", f"last write of the append-only file: {state}", remedy)]


def _text(value: bytes | str | None) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
