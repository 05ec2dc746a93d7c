"""Streams and the policies bucket: created in a new installation, updated to the configuration otherwise.

A stream that existed before and is missing is never created again by itself (ADR 0027): NATS leaves out a stream whose
``meta.inf`` is damaged, and a new stream of the same name deletes the messages that are still in its files.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping

import nats.errors
import nats.js.errors
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

from pointsman.contracts.config.connections import NatsConfig
from pointsman.contracts.messages import subjects
from pointsman.runtime.bus.bus import Bus
from pointsman.runtime.bus.errors import BusError, StreamMissing, StreamsLost, UpdateRefused
from pointsman.runtime.bus.replication import STREAMS, update_stream
from pointsman.runtime.telemetry.logs import logger

log = logger("bus.streams")

_DAY_S = 86_400.0
_NS = 1_000_000_000
MAX_MESSAGE_BYTES = 512 * 1024
POLICIES_HISTORY = 64
"""Versions of each tier's policies that the bucket keeps, as the record of changes. NATS allows no more than 64."""
POLICIES_MAX_BYTES = 64 * 1024**2
"""Maximum size of the bucket; when it is full, no policy can be changed."""
RETRY_INTERVAL_S = 0.5
JETSTREAM_TIMEOUT_S = 10.0
NUMBERED_BY_TIME = (subjects.DECISIONS, subjects.OUTCOMES)
"""Logs whose first sequence is the time of their creation in microseconds."""
RECORD = "pointsman.streams"
"""Metadata of every stream: the names of all streams that have existed together. It survives the loss of any stream."""

PLACEHOLDER = "_RESTORE"
"""First token of the subject of a stream that is being restored, so that nothing is appended to it meanwhile."""

Remembered = Callable[[], Awaitable[Mapping[str, str]]]
"""Return the streams that are known to have existed from elsewhere than NATS, and how they are known."""


def stream_configs(config: NatsConfig) -> list[StreamConfig]:
    """Return the configuration of each stream, with one replica: `keep_replicas` adds those that are configured.

    Only the outcome log is never trimmed: A and b are computed from it, so it refuses messages when it is full.
    """
    limits: dict[str, tuple[float, int, DiscardPolicy]] = {
        subjects.DECISIONS: (config.decisions_max_age_days * _DAY_S, config.decisions_max_bytes, DiscardPolicy.OLD),
        subjects.OUTCOMES: (0.0, config.outcomes_max_bytes, DiscardPolicy.NEW),
        subjects.FEEDBACK: (config.feedback_max_age_days * _DAY_S, config.feedback_max_bytes, DiscardPolicy.OLD),
    }
    events = (config.events_max_age_days * _DAY_S, config.events_max_bytes, DiscardPolicy.OLD)
    configs = [_bucket_config()]
    for name, subject in subjects.STREAM_SUBJECTS.items():
        max_age, max_bytes, discard = limits.get(name, events)
        configs.append(
            StreamConfig(
                name=name,
                subjects=[subject],
                retention=RetentionPolicy.LIMITS,
                storage=StorageType.FILE,
                max_age=max_age,
                max_bytes=max_bytes,
                max_msg_size=MAX_MESSAGE_BYTES,
                discard=discard,
                duplicate_window=120.0,
                allow_direct=True,
                deny_delete=name in limits,
                max_consumers=-1,
                max_msgs=-1,
            )
        )
    return configs


async def _none() -> Mapping[str, str]:
    return {}


async def ensure_streams(bus: Bus, config: NatsConfig, remembered: Remembered = _none) -> None:
    """Create or update the streams and the bucket; retry until JetStream accepts it.

    The gateway does this; several connections may do it at once.

    Raise `StreamsLost` when a stream is missing that existed before; the others are as configured then.
    """
    while True:
        try:
            await _ensure(bus, config, remembered)
        except StreamsLost:
            raise
        except (nats.errors.Error, BusError) as error:
            log.warning("JetStream is not ready: %s", str(error) or type(error).__name__)
            await asyncio.sleep(RETRY_INTERVAL_S)
        else:
            return


async def await_streams(bus: Bus, names: Iterable[str]) -> None:
    """Wait until these streams exist, without a time limit, and log the one that is missing.

    The gateway creates them; no other service has the permission.
    """
    for name in names:
        logged = ""
        while True:
            try:
                await bus.info(name)
                break
            except BusError as error:
                reason = "the gateway creates it" if isinstance(error, StreamMissing) else str(error)
            if reason != logged:
                log.info("waiting for stream %s: %s", name, reason)
                logged = reason
            await asyncio.sleep(RETRY_INTERVAL_S)


async def _ensure(bus: Bus, config: NatsConfig, remembered: Remembered) -> None:
    js = bus.nats.jetstream(timeout=JETSTREAM_TIMEOUT_S)
    wanted = {str(stream.name): stream for stream in stream_configs(config)}
    found = {name: current for name in wanted if (current := await _find(js, name)) is not None}
    lost = await _lost(found, remembered)
    for name in [name for name in wanted if name not in found and name not in lost]:
        await create_stream(js, wanted[name])
        log.info("created stream %s", name)
        found[name] = wanted[name]
    for name, current in found.items():
        if name in lost:
            continue
        if name == subjects.POLICIES_STREAM:
            await _ensure_bucket(bus, current)
        elif (current.max_age or 0.0, current.max_bytes) != (wanted[name].max_age or 0.0, wanted[name].max_bytes):
            limits = {"max_age": int((wanted[name].max_age or 0.0) * _NS), "max_bytes": wanted[name].max_bytes}
            await update_stream(bus, name, limits)
            log.info("updated stream %s", name)
    if lost:
        raise StreamsLost(lost)
    await _record(bus, found)


async def create_stream(js: JetStreamContext, wanted: StreamConfig) -> None:
    """Create a new, empty stream."""
    if wanted.name in NUMBERED_BY_TIME:
        # The sequences of a recreated log begin above those of the lost one (unless that received more than a
        # million messages a second), so that a sequence never identifies two decisions or outcomes.
        wanted.first_seq = time.time_ns() // 1000
    await js.add_stream(wanted)


async def _find(js: JetStreamContext, name: str) -> StreamConfig | None:
    try:
        return (await js.stream_info(name)).config
    except nats.js.errors.NotFoundError:
        return None


async def _lost(found: Mapping[str, StreamConfig], remembered: Remembered) -> dict[str, str]:
    """Return the missing streams that existed before, and how that is known."""
    lost = {
        name: f"{witness} has a record of it"
        for witness, current in found.items()
        for name in recorded_streams(current)
        if name in STREAMS and name not in found
    }
    lost |= {name: "it is being restored" for name, current in found.items() if is_being_restored(current)}
    if any(name not in found and name not in lost for name in NUMBERED_BY_TIME):
        lost |= {name: how for name, how in (await remembered()).items() if name not in found}
    return lost


def is_being_restored(config: StreamConfig) -> bool:
    """Return whether the stream has the placeholder's subject."""
    return any(subject.startswith(f"{PLACEHOLDER}.") for subject in config.subjects or [])


def recorded_streams(config: StreamConfig) -> list[str]:
    """Return the streams that a stream's record names."""
    return (config.metadata or {}).get(RECORD, "").split()


async def _record(bus: Bus, found: Mapping[str, StreamConfig]) -> None:
    """Note in every stream which streams exist, now that all do."""
    for name, current in found.items():
        if set(recorded_streams(current)) != set(STREAMS):
            metadata = {**(current.metadata or {}), RECORD: " ".join(STREAMS)}
            try:
                await update_stream(bus, name, {"metadata": metadata})
            except UpdateRefused as error:  # such as no disk space: the others have the record
                log.warning("stream %s gets no record of the streams: %s", name, error)


def _bucket_config() -> StreamConfig:
    """Return the configuration that NATS clients give the stream of a key-value bucket."""
    return StreamConfig(
        name=subjects.POLICIES_STREAM,
        subjects=[f"{subjects.POLICIES_SUBJECTS}.>"],
        storage=StorageType.FILE,
        max_msgs_per_subject=POLICIES_HISTORY,
        max_bytes=POLICIES_MAX_BYTES,
        discard=DiscardPolicy.NEW,
        allow_direct=True,
        allow_rollup_hdrs=True,
        deny_delete=True,
        duplicate_window=120.0,
        max_consumers=-1,
        max_msgs=-1,
        max_msg_size=-1,
    )


async def _ensure_bucket(bus: Bus, current: StreamConfig) -> None:
    """Raise the limits of an existing bucket. Its content is kept."""
    depth, room = current.max_msgs_per_subject or 0, current.max_bytes or 0
    if 0 < depth < POLICIES_HISTORY or 0 < room < POLICIES_MAX_BYTES:
        history = max(depth, POLICIES_HISTORY) if depth > 0 else depth
        limits = {
            "max_msgs_per_subject": history,
            "max_bytes": max(room, POLICIES_MAX_BYTES) if room > 0 else room,
        }
        try:
            await update_stream(bus, subjects.POLICIES_STREAM, limits)
        except UpdateRefused as error:  # such as no disk space: everything works with a shorter record
            log.warning("bucket %s cannot be updated: %s", subjects.POLICIES_BUCKET, error)
            return
        log.info("bucket %s keeps %s versions of each tier", subjects.POLICIES_BUCKET, history)
