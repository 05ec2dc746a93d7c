"""What `pointsman doctor` reports when another program has the port of the gateway."""

from __future__ import annotations

import asyncio

import pytest

from pointsman.cli.commands.doctor.finding import Finding
from pointsman.cli.commands.doctor.gateway import check_gateway, check_policies
from pointsman.cli.commands.doctor.inspection import Inspection
from pointsman.cli.target import Target
from pointsman.contracts.config.connections import NatsConfig, RedisConfig
from pointsman.runtime.store.store import Store
from tests.unit.cli.conftest import Answer


def findings(url: str) -> list[Finding]:
    """Return what both checks find at ``url``."""

    async def check() -> list[Finding]:
        target = Target(url, NatsConfig(), RedisConfig(), None, "a test")
        inspection = Inspection(target, Store(target.redis), None)
        try:
            return [*await check_gateway(inspection), *await check_policies(inspection)]
        finally:
            await inspection.store.close()

    return asyncio.run(check())


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b"{}"), (200, b"<html>"), (200, b""), (200, b"[]"), (200, b'{"policies":[{}]}'), (404, b"not found")],
)
def test_another_program_is_not_taken_for_the_gateway(answer: Answer, status: int, body: bytes) -> None:
    url = answer(status, body)
    [finding] = findings(url)
    assert (finding.subject, finding.wrong) == ("gateway", True)
    assert finding.detail == f"{url}: a program that is not Pointsman responds"
    assert "--url" in finding.remedy


def test_the_difference_to_the_file_is_a_warning(answer: Answer) -> None:
    url = answer(200, b'{"policies":[{"tier":"A"},{"tier":"B","source":"api","override":"greedy serves"}]}')
    ready, policies = findings(url)
    assert ready.ok
    assert policies == Finding("policies B", False, "greedy serves", serious=False)
