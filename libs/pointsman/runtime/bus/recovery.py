"""Missing streams: restore one from the files that NATS still has of it, or begin a new one.

NATS leaves out a stream whose ``meta.inf`` or ``meta.sum`` is damaged, and keeps its files. A stream that is created
again with a first sequence not above the old one contains the messages of these files; with a higher one, NATS deletes
them (tests/integration/test_lost_streams.py).
"""

from dataclasses import replace

import nats.js.errors
from nats.js.api import StreamConfig

from pointsman.contracts.config.connections import NatsConfig
from pointsman.runtime.bus.bus import Bus
from pointsman.runtime.bus.errors import bus_errors
from pointsman.runtime.bus.jetstream import StreamState
from pointsman.runtime.bus.replication import STREAMS
from pointsman.runtime.bus.streams import (
    JETSTREAM_TIMEOUT_S,
    NUMBERED_BY_TIME,
    PLACEHOLDER,
    create_stream,
    is_being_restored,
    stream_configs,
)


async def missing_streams(bus: Bus) -> list[str]:
    """Return the streams that NATS does not have."""
    js = bus.nats.jetstream(timeout=JETSTREAM_TIMEOUT_S)
    missing = []
    with bus_errors("cannot list the streams"):
        for name in STREAMS:
            try:
                current = (await js.stream_info(name)).config
            except nats.js.errors.NotFoundError:
                missing.append(name)
            else:
                if is_being_restored(current):  # an attempt was interrupted
                    missing.append(name)
    return missing


async def restore_stream(bus: Bus, config: NatsConfig, name: str) -> StreamState | None:
    """Restore a missing stream from the files of NATS; return its state, or None, and no stream, without any message.

    Its messages, their sequences and times are the same; its time of creation is another one.
    """
    js = bus.nats.jetstream(timeout=JETSTREAM_TIMEOUT_S)
    wanted = _config(config, name)
    # Without limits, so that NATS drops nothing; the gateway sets the configured ones.
    unlimited = replace(wanted, max_age=0.0, max_bytes=-1)
    with bus_errors(f"cannot restore {name}"):
        await js.add_stream(replace(unlimited, subjects=[f"{PLACEHOLDER}.{name}"]))
        state = (await bus.info(name)).state
        if not state.messages:
            await js.delete_stream(name)
            return None
        if name in NUMBERED_BY_TIME:
            unlimited.first_seq = state.first_seq
        await js.update_stream(unlimited)
    return state


async def begin_stream(bus: Bus, config: NatsConfig, name: str) -> None:
    """Create a missing stream, empty, after `restore_stream` has found nothing of it."""
    with bus_errors(f"cannot create {name}"):
        await create_stream(bus.nats.jetstream(timeout=JETSTREAM_TIMEOUT_S), _config(config, name))


async def accept_beginning(bus: Bus, name: str) -> None:
    """Make the first message that a stream has its beginning: what was before is given up."""
    js = bus.nats.jetstream(timeout=JETSTREAM_TIMEOUT_S)
    with bus_errors(f"cannot update {name}"):
        found = await js.stream_info(name)
        if (found.config.first_seq or 0) < found.state.first_seq:
            found.config.first_seq = found.state.first_seq
            await js.update_stream(found.config)


def _config(config: NatsConfig, name: str) -> StreamConfig:
    return next(wanted for wanted in stream_configs(config) if wanted.name == name)
