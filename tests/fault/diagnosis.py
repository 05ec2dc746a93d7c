"""State of the cluster, added to the error of a failed test."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from tests.fault.cluster import Cluster
from tests.fault.http_client import HttpClient, NoAnswer
from tests.support.processes import ChildProcess, ServiceProcess

LAST_LINES = 8
ANSWERS_WITHIN_S = 3.0


async def diagnosis(cluster: Cluster) -> str:
    """Return the readiness of each service and the last lines of each process."""
    lines = []
    for process in (*cluster.services.values(), cluster.nats, cluster.store):
        lines.append(f"--- {process.name}: {await _state(process)}")
        lines += process.output().splitlines()[-LAST_LINES:]
    return "\n".join(lines)


def waiting() -> str:
    """Return where the tasks of this event loop wait, the proxies' and this one left out."""
    lines = []
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        frames = task.get_stack()
        if frames and not frames[0].f_code.co_filename.endswith("proxy.py"):
            at = ", ".join(f"{frame.f_code.co_qualname}:{frame.f_lineno}" for frame in frames)
            lines.append(f"{at}{' (cancelled)' if task.cancelling() else ''}")
    return "\n".join(["--- tasks that wait", *(f"{lines.count(line)} x {line}" for line in sorted(set(lines)))])


async def _state(process: ChildProcess) -> str:
    if not process.running:
        return "not running"
    if not isinstance(process, ServiceProcess):
        return "running"
    client = HttpClient(urlsplit(process.url).port or 0)
    try:
        answer = await client.call("GET", "/readyz", timeout_s=ANSWERS_WITHIN_S)
        return f"{answer.status} {answer.body.decode(errors='replace')}"
    except NoAnswer as error:
        return f"no answer: {error}"
    finally:
        client.close()
