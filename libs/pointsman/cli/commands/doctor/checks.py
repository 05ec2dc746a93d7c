"""The checks of a running installation. A new check is a function and a line in `CHECKS`."""

import asyncio
from collections.abc import Awaitable, Callable

from pointsman.cli.commands.doctor.finding import Finding
from pointsman.cli.commands.doctor.gateway import check_gateway, check_policies
from pointsman.cli.commands.doctor.inspection import Inspection, inspect
from pointsman.cli.commands.doctor.notices import check_alerts, check_dead_letters
from pointsman.cli.commands.doctor.processes import check_processes
from pointsman.cli.commands.doctor.replication import check_replication
from pointsman.cli.commands.doctor.servers import check_nats, check_store
from pointsman.cli.commands.doctor.tiers import check_leases, check_progress
from pointsman.cli.target import Target
from pointsman.runtime.bus import BusError
from pointsman.runtime.store.errors import StateError

Check = Callable[[Inspection], Awaitable[list[Finding]]]
"""Returns its findings; none where it does not apply, as without NATS. Errors of NATS and the store are reported."""

CHECKS: dict[str, Check] = {
    "NATS": check_nats,
    "replicas": check_replication,
    "processes": check_processes,
    "store": check_store,
    "gateway": check_gateway,
    "policies": check_policies,
    "leases": check_leases,
    "learning": check_progress,
    "alerts": check_alerts,
    "dead letters": check_dead_letters,
}
"""The checks, in the order of the table. The name is the subject of the finding when a check fails with an error."""


async def check_running(target: Target) -> list[Finding]:
    """Run all checks at once."""
    async with inspect(target) as inspection:
        groups = await asyncio.gather(*(_run(name, check, inspection) for name, check in CHECKS.items()))
    return [finding for group in groups for finding in group]


async def _run(name: str, check: Check, inspection: Inspection) -> list[Finding]:
    try:
        return await check(inspection)
    except (BusError, StateError, TimeoutError) as error:
        return [
            Finding(name, False, f"cannot be checked: {str(error) or 'no response in time'}", "see the other checks")
        ]
