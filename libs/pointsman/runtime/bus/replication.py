"""Replicas of the streams and of the policies bucket: raised to the configured number, never lowered (ADR 0028)."""

import asyncio
from typing import Any

import msgspec

from pointsman.contracts.messages import subjects
from pointsman.runtime.bus.bus import Bus
from pointsman.runtime.bus.errors import BusError, StreamMissing, UpdateRefused
from pointsman.runtime.bus.jetstream import read_info, read_update
from pointsman.runtime.telemetry.logs import logger

log = logger("bus.replication")

STREAMS = (*subjects.STREAM_SUBJECTS, subjects.POLICIES_STREAM)
"""All streams, that of the policies bucket included."""
CHECK_INTERVAL_S = 30.0
STREAMS_INTERVAL_S = 1.0
"""How long to wait for streams that do not exist yet."""
TIMEOUT_S = 10.0


async def keep_replicas(bus: Bus, wanted: int) -> None:
    """Give every stream at least ``wanted`` replicas, now and whenever NATS becomes able to; until cancelled.

    A stream with more keeps them: the default, or the file of another gateway, must not remove copies of a log.
    """
    logged: dict[str, str] = {}
    while True:
        missing = False
        for stream in (*STREAMS, subjects.PROBE_STREAM):
            try:
                problem = await _raise_replicas(bus, stream, wanted)
            except StreamMissing:
                missing = missing or stream in STREAMS
                continue
            except BusError as error:
                log.debug("the replicas of %s cannot be checked: %s", stream, error)
                continue
            if problem and problem != logged.get(stream):
                log.warning("%s", problem)
            logged[stream] = problem
        await asyncio.sleep(STREAMS_INTERVAL_S if missing else CHECK_INTERVAL_S)


async def update_stream(bus: Bus, stream: str, changes: dict[str, Any]) -> None:
    """Change fields of a stream's configuration.

    All others keep their values, also those that an operator has set and those that only a newer NATS has.

    Raise `UpdateRefused` when NATS refuses it.
    """
    info = await bus.requests.call(f"$JS.API.STREAM.INFO.{stream}", b"", TIMEOUT_S)
    read_info(info, stream)  # raises the error of the response, if it is one
    config = msgspec.json.decode(info.data)["config"] | changes
    read_update(await bus.requests.call(f"$JS.API.STREAM.UPDATE.{stream}", msgspec.json.encode(config), TIMEOUT_S))


async def _raise_replicas(bus: Bus, stream: str, wanted: int) -> str:
    """Raise the number of replicas of a stream, if it is lower; return what is not as configured."""
    found = (await bus.info(stream, TIMEOUT_S)).config.num_replicas
    if found > wanted:
        return (
            f"stream {stream} has {found} replicas and keeps them; {wanted} are configured. To remove copies, use "
            f"`nats stream edit {stream} --replicas {wanted}`"
        )
    if found < wanted:
        try:
            await update_stream(bus, stream, {"num_replicas": wanted})
        except UpdateRefused as error:
            return (
                f"stream {stream} has {found} of {wanted} configured replicas, and NATS refuses more: {error}. It is "
                f"tried again every {CHECK_INTERVAL_S:g} s"
            )
        log.info("stream %s has %d replicas now, before %d", stream, wanted, found)
    return ""
