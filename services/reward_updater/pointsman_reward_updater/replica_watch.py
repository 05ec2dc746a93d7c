"""Alert when fewer servers than configured have all messages of a stream."""

import time
from collections.abc import Iterator

from pointsman.contracts.messages.status import StatusProblem
from pointsman.runtime.bus import Bus, BusError
from pointsman.runtime.bus.notices import publish_alert
from pointsman.runtime.bus.replication import STREAMS
from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.logs import logger
from pointsman_reward_updater.log_capacity import ALERT_REPEAT_INTERVAL_S, ALL_TIERS
from pointsman_reward_updater.publishing import SERVICE

log = logger("reward_updater.replica_watch")

REPLICA_CHECK_INTERVAL_S = 10.0


class ReplicaWatch:
    """Alert on ``alerts.replicas._all`` when two checks in turn find that a stream has too few current replicas.

    ``configured``: the setting ``nats.replicas``; a stream that was given more must have as many as it was given.
    """

    def __init__(self, bus: Bus, configured: int) -> None:
        self._bus = bus
        self._configured = configured
        self._lacking: dict[str, str] = {}
        self._text = ""
        self._alerted: set[str] = set()
        self._alerted_at = float("-inf")

    def problems(self) -> Iterator[StatusProblem]:
        """Yield the problem that streams had too few current replicas at the last check."""
        if self._lacking:
            yield StatusProblem(kind="replicas", subject="replicas", text=self._text)

    async def check(self) -> None:
        """Check all streams once; one that cannot be checked does not prevent the check of the others."""
        lacking: dict[str, str] = {}
        problems: dict[str, None] = {}
        for stream in STREAMS:
            try:
                problems |= dict.fromkeys(await self._check(stream, lacking))
            except BusError as error:
                log.debug("cannot check %s: %s", stream, error)
        now, lasting = time.monotonic(), lacking.keys() & self._lacking.keys()
        self._lacking = lacking
        self._text = f"too few replicas: {', '.join(lacking.values())}; {', '.join(problems)}"
        self._alerted &= lacking.keys()
        if lasting - self._alerted or (lasting and now - self._alerted_at >= ALERT_REPEAT_INTERVAL_S):
            log.warning("%s", self._text)
            await publish_alert(self._bus, "replicas", ALL_TIERS, self._text, SERVICE)
            self._alerted, self._alerted_at = set(lacking), now

    async def _check(self, stream: str, lacking: dict[str, str]) -> list[str]:
        """Add a stream that has too few replicas to ``lacking``; return why it has."""
        info = await self._bus.info(stream)
        wanted, current = max(self._configured, info.config.num_replicas), info.current_replicas
        metrics.stream_replicas.labels(stream).set(current)
        metrics.stream_replicas_wanted.labels(stream).set(wanted)
        if current >= wanted:
            return []
        lacking[stream] = f"{stream} {current} of {wanted}"
        return info.replica_problems or ["NATS cannot host more; the log of the gateway has the reason"]
