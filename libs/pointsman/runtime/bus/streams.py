"""Streams and the policies bucket: created where they are missing, updated to the configuration otherwise."""

import asyncio
import time
from collections.abc import Iterable

import nats.errors
import nats.js.errors
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, KeyValueConfig, RetentionPolicy, StorageType, StreamConfig

from pointsman.contracts.config.connections import NatsConfig
from pointsman.contracts.messages import subjects
from pointsman.runtime.bus.bus import Bus
from pointsman.runtime.bus.errors import BusError, StreamMissing, UpdateRefused
from pointsman.runtime.bus.replication import update_stream
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
    configs = []
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


async def ensure_streams(bus: Bus, config: NatsConfig) -> None:
    """Create or update the streams and the bucket; retry until JetStream accepts it.

    The gateway does this; several connections may do it at once.
    """
    while True:
        try:
            await _ensure(bus, config)
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


async def _ensure(bus: Bus, config: NatsConfig) -> None:
    js = bus.nats.jetstream(timeout=JETSTREAM_TIMEOUT_S)
    for wanted in stream_configs(config):
        name = str(wanted.name)
        try:
            current = (await js.stream_info(name)).config
        except nats.js.errors.NotFoundError:
            if name in (subjects.DECISIONS, subjects.OUTCOMES):
                # The sequences of a recreated log begin above those of the lost one (unless that received more than a
                # million messages a second), so that a sequence never identifies two decisions or outcomes.
                wanted.first_seq = time.time_ns() // 1000
            await js.add_stream(wanted)
            log.info("created stream %s", name)
            continue
        if (current.max_age or 0.0, current.max_bytes) != (wanted.max_age or 0.0, wanted.max_bytes):
            limits = {"max_age": int((wanted.max_age or 0.0) * _NS), "max_bytes": wanted.max_bytes}
            await update_stream(bus, name, limits)
            log.info("updated stream %s", name)
    await _ensure_bucket(bus, js)


async def _ensure_bucket(bus: Bus, js: JetStreamContext) -> None:
    """Create the policies bucket, or raise the limits of an existing one. Its content is kept."""
    try:
        current = (await js.stream_info(subjects.POLICIES_STREAM)).config
    except nats.js.errors.NotFoundError:
        await js.create_key_value(
            KeyValueConfig(
                bucket=subjects.POLICIES_BUCKET,
                history=POLICIES_HISTORY,
                storage=StorageType.FILE,
                max_bytes=POLICIES_MAX_BYTES,
                direct=True,
            )
        )
        log.info("created bucket %s", subjects.POLICIES_BUCKET)
        return
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
