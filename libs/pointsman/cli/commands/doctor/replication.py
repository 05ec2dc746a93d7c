"""Check of the replicas of the streams and of the policies bucket."""

from pointsman.cli.commands.doctor.finding import Finding
from pointsman.cli.commands.doctor.inspection import Inspection
from pointsman.runtime.bus import BusError, StreamInfo, StreamMissing
from pointsman.runtime.bus.replication import STREAMS

TIMEOUT_S = 3.0
REMEDY = "start the missing servers of NATS, and see their logs; the gateway adds replicas as soon as NATS can"


async def check_replication(inspection: Inspection) -> list[Finding]:
    """Compare the replicas of each stream with the configuration; one row for all where each has one copy."""
    if inspection.bus is None:
        return []
    configured, found = inspection.target.nats.replicas, dict[str, StreamInfo]()
    findings = []
    for stream in STREAMS:
        try:
            found[stream] = await inspection.bus.info(stream, TIMEOUT_S)
        except StreamMissing:
            continue
        except BusError as error:
            findings.append(Finding(f"replicas {stream}", False, str(error), REMEDY))
    if configured == 1 and not findings and all(info.config.num_replicas == 1 for info in found.values()):
        return [Finding("replicas", True, "1 of each stream")]
    return [*findings, *(_compare(stream, info, configured) for stream, info in found.items())]


def _compare(stream: str, info: StreamInfo, configured: int) -> Finding:
    wanted, current = max(configured, info.config.num_replicas), info.current_replicas
    leader = f"leader {info.cluster.leader or 'none'}" if info.cluster else "a single server"
    detail = f"{current} of {wanted} current, {leader}"
    if info.config.num_replicas > configured:
        detail += f" ({configured} configured; streams keep the replicas that they have)"
    detail = "; ".join([detail, *info.replica_problems])
    return Finding(f"replicas {stream}", current >= wanted, detail, "" if current >= wanted else REMEDY)
