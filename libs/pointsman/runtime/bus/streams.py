"""The seven streams and the bucket: made where they are missing, brought in line with the configuration otherwise."""

from __future__ import annotations

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
from pointsman.runtime.bus.errors import BusError, StreamMissing
from pointsman.runtime.telemetry.logs import logger

log = logger("bus.streams")

_DAY_S = 86_400.0
MAX_MESSAGE_BYTES = 512 * 1024
POLICIES_HISTORY = 64
"""Versions of each tier's policies that the bucket keeps: the record of who changed what. More is no longer a bucket
that NATS' own tools can make."""
POLICIES_MAX_BYTES = 64 * 1024**2
"""Of the bucket; when it is full, no policy can be changed."""
RETRY_S = 0.5


def stream_configs(config: NatsConfig) -> list[StreamConfig]:
    """Return what each stream should be.

    Only the outcome log is never trimmed: it is what A and b are made from, so when it is full it refuses.
    """
    limits: dict[str, tuple[float, int, DiscardPolicy]] = {
        subjects.DECISIONS: (config.decisions_max_age_days * _DAY_S, config.decisions_max_bytes, DiscardPolicy.OLD),
        subjects.OUTCOMES: (0.0, config.outcomes_max_bytes, DiscardPolicy.NEW),
        subjects.FEEDBACK: (config.feedback_max_age_days * _DAY_S, config.feedback_max_bytes, DiscardPolicy.OLD),
    }
    events = (config.events_max_age_days * _DAY_S, config.events_max_bytes, DiscardPolicy.OLD)
    made = []
    for name, subject in subjects.STREAM_SUBJECTS.items():
        max_age, max_bytes, discard = limits.get(name, events)
        made.append(
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
                num_replicas=config.replicas,
                allow_direct=True,
                deny_delete=name in limits,
                max_consumers=-1,
                max_msgs=-1,
            )
        )
    return made


async def ensure_streams(bus: Bus, config: NatsConfig) -> None:
    """Make the streams and the bucket, or update them, trying until JetStream does it.

    The gateway does this; doing it from several connections at once is safe.
    """
    while True:
        try:
            await _ensure(bus, config)
        except (nats.errors.Error, BusError) as error:
            log.warning("JetStream is not ready: %s", str(error) or type(error).__name__)
            await asyncio.sleep(RETRY_S)
        else:
            return


async def await_streams(bus: Bus, names: Iterable[str]) -> None:
    """Wait until these streams exist, for as long as it takes, and say which one is waited for.

    The gateway makes them; no other service has the permission to.
    """
    for name in names:
        said = ""
        while True:
            try:
                await bus.info(name)
                break
            except BusError as error:
                what = "the gateway makes it" if isinstance(error, StreamMissing) else str(error)
            if what != said:
                log.info("waiting for stream %s: %s", name, what)
                said = what
            await asyncio.sleep(RETRY_S)


async def _ensure(bus: Bus, config: NatsConfig) -> None:
    js = bus.nats.jetstream(timeout=10.0)
    for wanted in stream_configs(config):
        name = str(wanted.name)
        try:
            current = (await js.stream_info(name)).config
        except nats.js.errors.NotFoundError:
            if name in (subjects.DECISIONS, subjects.OUTCOMES):
                # A log that is made anew goes on above every sequence the lost one can have had (unless that had
                # more than a million messages a second), so that a sequence never means two decisions or outcomes.
                wanted.first_seq = time.time_ns() // 1000
            await js.add_stream(wanted)
            log.info("made stream %s", name)
            continue
        if (current.max_age or 0.0, current.max_bytes) != (wanted.max_age or 0.0, wanted.max_bytes):
            await js.update_stream(wanted)
            log.info("updated stream %s", name)
    await _ensure_bucket(js, config)


async def _ensure_bucket(js: JetStreamContext, config: NatsConfig) -> None:
    """Make the bucket of policies, or have one that keeps less keep as much as it should. Nothing in it is lost."""
    try:
        current = (await js.stream_info(subjects.POLICIES_STREAM)).config
    except nats.js.errors.NotFoundError:
        await js.create_key_value(
            KeyValueConfig(
                bucket=subjects.POLICIES_BUCKET,
                history=POLICIES_HISTORY,
                storage=StorageType.FILE,
                replicas=config.replicas,
                max_bytes=POLICIES_MAX_BYTES,
                direct=True,
            )
        )
        log.info("made bucket %s", subjects.POLICIES_BUCKET)
        return
    depth, room = current.max_msgs_per_subject or 0, current.max_bytes or 0
    if 0 < depth < POLICIES_HISTORY or 0 < room < POLICIES_MAX_BYTES:
        current.max_msgs_per_subject = max(depth, POLICIES_HISTORY) if depth > 0 else depth
        current.max_bytes = max(room, POLICIES_MAX_BYTES) if room > 0 else room
        try:
            await js.update_stream(current)
        except nats.js.errors.APIError as error:  # no room, for one: everything works with less of a record
            log.warning("bucket %s stays as it is: %s", subjects.POLICIES_BUCKET, error)
            return
        log.info("bucket %s keeps %s versions of each tier", subjects.POLICIES_BUCKET, current.max_msgs_per_subject)
