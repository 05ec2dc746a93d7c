"""Watch whether NATS can write: a probe for idle systems, and an alert."""

import asyncio
import time

import msgspec

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.notices import Alert
from pointsman.runtime.bus.bus import Bus
from pointsman.runtime.bus.errors import BusError, NotPermitted, UpdateRefused
from pointsman.runtime.bus.jetstream import read_update
from pointsman.runtime.bus.replication import update_stream
from pointsman.runtime.telemetry.logs import logger

log = logger("bus")

UNWRITABLE = "unwritable"
ALL_TIERS = "_all"
"""Tier in the subject of alerts that concern all tiers."""
WATCH_INTERVAL_S = 2.0
PROBE_INTERVAL_S = 4.0
PROBE_TIMEOUT_S = 3.0
ALERT_REPEAT_INTERVAL_S = 3600.0
_PROBE_MAX_BYTES = 1024**2
_PROBE_MESSAGE = b"{}".ljust(4096)
"""It takes a new block of the file system each time: a small message fits in the last block of a full disk."""
_NAME_IN_USE = 10058


class WriteWatch:
    """Publishes an alert while NATS does not store what this process appends.

    ``service`` names this process in alerts. With ``probe``, a message is also appended to the stream `PROBE_STREAM` at
    intervals, which keeps only the last one: so a full disk is noticed before a decision or an outcome is lost to it.
    """

    def __init__(self, bus: Bus, service: str, *, probe: bool = False) -> None:
        self._bus = bus
        self._service = service
        self._probes = probe
        self._subject = f"{subjects.PROBE_SUBJECTS}.{service}"
        self._probe_exists = False
        self._probe_at_s = self._alerted_at_s = float("-inf")

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await asyncio.sleep(WATCH_INTERVAL_S)
            if not self._bus.connected:
                continue
            if self._probes and time.monotonic() - self._probe_at_s >= PROBE_INTERVAL_S:
                await self._probe()
            await self._alert()

    async def _probe(self) -> None:
        self._probe_at_s = time.monotonic()
        try:
            if not self._probe_exists:
                await self._create_stream()
                self._probe_exists = True
            await self._bus.append(self._subject, _PROBE_MESSAGE, PROBE_TIMEOUT_S)
        except NotPermitted as error:
            log.warning("NATS is not probed: %s; renew the users of NATS with `pointsman credentials`", error)
            self._probes = False
        except BusError as error:
            if not self._probe_exists:  # a failed append is recorded by itself
                self._bus.requests.writes.failed(self._subject, f"the stream cannot be created: {error}")

    async def _create_stream(self) -> None:
        """Create the stream, or give an existing one this configuration; `keep_replicas` adds copies, where it can."""
        name = subjects.PROBE_STREAM
        config = {
            "name": name,
            "subjects": [f"{subjects.PROBE_SUBJECTS}.*"],
            "retention": "limits",
            "storage": "file",
            "discard": "old",
            "max_msgs_per_subject": 1,
            "max_bytes": _PROBE_MAX_BYTES,
        }
        subject, payload = f"$JS.API.STREAM.CREATE.{name}", msgspec.json.encode(config)
        answer = await self._bus.requests.call(subject, payload, PROBE_TIMEOUT_S)
        try:
            read_update(answer)
        except UpdateRefused as error:
            if error.code != _NAME_IN_USE:
                raise
            await update_stream(self._bus, name, config)

    async def _alert(self) -> None:
        """Publish the alert without waiting for its acknowledgement: the stream of alerts may be unwritable too."""
        problems = self._bus.requests.writes.problems()
        now_s = time.monotonic()
        if not problems or now_s - self._alerted_at_s < ALERT_REPEAT_INTERVAL_S:
            return
        self._alerted_at_s = now_s
        streams = ", ".join(problems)
        text = f"NATS does not store what {self._service} appends to {streams}: check its disk and its log"
        log.error("%s", text)
        alert = Alert(
            kind=UNWRITABLE,
            tier=ALL_TIERS,
            text=text,
            service=self._service,
            raised_at_ms=int(time.time() * 1000),
            detail={"streams": problems},
        )
        try:
            await self._bus.publish(subjects.alert(UNWRITABLE, ALL_TIERS), encode(alert))
        except BusError as error:
            log.debug("alert not published: %s", error)
