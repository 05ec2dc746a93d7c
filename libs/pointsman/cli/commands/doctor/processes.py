"""Checks of the processes: which respond, and what they report as not working."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from pointsman.cli.commands.doctor.finding import Finding
from pointsman.cli.commands.doctor.inspection import Inspection
from pointsman.cli.stack.errors import ProbeFailed
from pointsman.cli.stack.probes import failed_checks, http_get
from pointsman.contracts.messages.status import ServiceStatus, StatusProblem
from pointsman.runtime.bus import Bus
from pointsman.runtime.bus.status import STATS_SUBJECT, read_status

WAIT_S = 0.5
SERVICES = ("decision", "reward-updater", "shadow-evaluator")
MAX_PROBLEM_TEXT = 300
CONSEQUENCES = {
    "decision": "no policy chooses: answers are degraded",
    "reward-updater": "nothing is learned; outcomes are kept",
    "shadow-evaluator": "reports are not updated",
}
"""What does not work without any process of a service."""

REMEDIES = {
    "unwritable": "make room on the disk of NATS, then restart NATS (`pointsman up` restarts it by itself)",
    "halted": "see PointsmanTierHalted in docs/how-to/operate.md: restore the log or the store, or accept the log with "
    "`pointsman rebuild`",
    "log-lost": "run `pointsman logs`, then see PointsmanStreamLost in docs/how-to/operate.md",
    "log-put-back": "see docs/how-to/operate.md on restoring the decision log",
    "log-filling": "raise the limit in [nats], before the log is full",
    "disk-low": "make room on this disk",
    "provider": "check the [[provider]] section, the key and the status page of the provider",
    "stale": "see the reward-updater and the store",
}
"""What to do, by the kind of a reported problem."""


class _Readiness(msgspec.Struct, frozen=True):
    problems: list[StatusProblem] = []


class ProcessReport(NamedTuple):
    """What one process reports.

    Attributes
    ----------
    unready: Failed checks of its ``/readyz``; empty when it is ready, or was asked over NATS only.
    """

    service: str
    problems: list[StatusProblem]
    unready: str = ""


async def check_processes(inspection: Inspection) -> list[Finding]:
    """Ask every process over NATS, and those of an embedded stack over HTTP too, which works without NATS."""
    statuses = [] if inspection.bus is None else await read_statuses(inspection.bus)
    reports = [ProcessReport(status.service, status.problems or []) for status in statuses]
    expected = dict.fromkeys(SERVICES, 1)
    if (stack := inspection.target.stack) is not None:
        processes = {service: getattr(stack, service.replace("-", "_")) for service in SERVICES}
        expected = {service: max(1, len(found)) for service, found in processes.items()}
        asked = [(service, process.url) for service, found in processes.items() for process in found]
        over_http = [report for report in await asyncio.gather(*(_ask(*each) for each in asked)) if report is not None]
        reports = [report for report in reports if report.service not in SERVICES] + over_http
    elif inspection.bus is None:
        return []  # the check of NATS reports it
    supervised = inspection.target.stack is not None
    found = [_check_number(service, reports, expected[service], supervised) for service in SERVICES]
    found += [
        Finding(report.service, False, f"not ready: {report.unready}", "see its log", serious=False)
        for report in reports
        if report.unready and not report.problems
    ]
    return found + reported_findings((report.service, problem) for report in reports for problem in report.problems)


async def read_statuses(bus: Bus) -> list[ServiceStatus]:
    """Return the status of every process that responds."""
    answers = await bus.gather(STATS_SUBJECT, wait_s=WAIT_S, quiet_s=WAIT_S, enough=lambda _: False)
    return [process.status for answer in answers if (process := read_status(answer)) is not None]


def reported_findings(problems: Iterable[tuple[str, StatusProblem]]) -> list[Finding]:
    """Return one finding for each problem, given with the service; several processes may report the same one."""
    first: dict[tuple[str, str, str], StatusProblem] = {}
    counts: Counter[tuple[str, str, str]] = Counter()
    for service, problem in problems:
        key = (service, problem.subject, problem.kind)
        counts[key] += 1
        first.setdefault(key, problem)
    findings = []
    for key, problem in first.items():
        source = f"{key[0]}, {counts[key]} processes" if counts[key] > 1 else key[0]
        detail = f"{problem.kind}: {problem.text[:MAX_PROBLEM_TEXT]} ({source})"
        findings.append(Finding(problem.subject, False, detail, REMEDIES.get(problem.kind, ""), problem.serious))
    return findings


def _check_number(service: str, reports: list[ProcessReport], expected: int, supervised: bool) -> Finding:
    number = sum(report.service == service for report in reports)
    what = "1 replica of `{}` responds" if number == 1 else f"{number} replicas of `{{}}` respond"
    detail = what.format(service)
    if number >= expected:
        return Finding(service, True, detail)
    why = f"; {CONSEQUENCES[service]}" if number == 0 else ""
    remedy = f"run `pointsman {service}`, or see the logs of those that run"
    if supervised:
        remedy = "see its log; `pointsman up` restarts a process that has ended, but not one that hangs"
    return Finding(service, False, f"{detail}, {expected} expected{why}", remedy)


async def _ask(service: str, url: str) -> ProcessReport | None:
    try:
        answer = await http_get(f"{url}/readyz")
    except ProbeFailed:
        return None
    try:
        problems = msgspec.json.decode(answer.body, type=_Readiness).problems
    except msgspec.MsgspecError:
        problems = []
    return ProcessReport(service, problems, failed_checks(answer))
