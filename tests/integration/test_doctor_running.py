"""`pointsman doctor` and readiness on a running stack in which something is wrong."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from pointsman.cli.commands.doctor.checks import check_running
from pointsman.cli.commands.doctor.finding import Finding
from pointsman.cli.stack.logins import operator_logins
from pointsman.cli.stack.probes import http_get
from pointsman.cli.stack.stack import Stack
from pointsman.cli.target import Target
from pointsman.contracts.config import load_config
from pointsman.runtime.store import keys
from pointsman.runtime.store.store import Store
from tests.support.processes import free_port
from tests.support.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

CONFIG = """
[context]
dim = 2
[[tier]]
name = "GOOD"
arms = ["p:a"]
[[tier]]
name = "BAD"
arms = ["p:a"]
[reward_updater]
lease_ms = 900
disk_alarm_free_bytes = 1
[log]
format = "text"
"""


@pytest.fixture(scope="module")
def config_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("doctor") / "pointsman.toml"
    file.write_text(CONFIG)
    return file


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(config_file: Path) -> AsyncIterator[Stack]:
    data_dir = config_file.parent / "data"
    async with Stack(load_config(config_file, {}), data_dir=data_dir, config_file=config_file, port=0) as started:
        yield started


async def diagnosis(stack: Stack, nats_url: str = "") -> dict[str, Finding]:
    """Return what the doctor finds, by subject; with NATS at another address, if one is given."""
    nats, redis = operator_logins(stack.data_dir, nats_url or stack.nats_url, stack.redis_url)
    target = Target(stack.gateway_url, nats, redis, stack.describe(), "a test")
    return {finding.subject: finding for finding in await check_running(target)}


async def readiness(stack: Stack) -> tuple[int, dict[str, object]]:
    answer = await http_get(f"{stack.gateway_url}/readyz")
    body: dict[str, object] = msgspec.json.decode(answer.body)
    return answer.status, body


async def test_nothing_is_wrong_with_a_healthy_stack(stack: Stack) -> None:
    async def healthy() -> bool:  # a lease is held a moment after its service is ready
        return all(finding.ok for finding in (await diagnosis(stack)).values())

    await eventually(healthy, "no finding")
    expected = {"NATS", "NATS writes", "streams", "decision", "reward-updater", "shadow-evaluator", "store", "gateway"}
    assert (
        expected | {"store writes", "leases", "learning", "alerts", "dead letters"} <= (await diagnosis(stack)).keys()
    )
    assert (await readiness(stack))[1]["warnings"] == []


async def test_one_halted_tier_is_a_failure_to_the_doctor_and_a_warning_of_a_ready_gateway(stack: Stack) -> None:
    store = Store(operator_logins(stack.data_dir, stack.nats_url, stack.redis_url)[1])
    await store.redis.hset(keys.tier("BAD"), mapping={"epoch": "another log", "watermark": 7})
    os.kill(stack.describe().reward_updater[0].pid, signal.SIGKILL)  # its successor reads the store

    async def halted() -> bool:
        return (await readiness(stack))[1]["warnings"] == ["tier BAD: halted"]

    await eventually(halted, "the gateway warns")
    assert (await readiness(stack))[0] == 200
    found = await diagnosis(stack)
    assert found["tier BAD"].wrong
    assert found["tier BAD"].detail.startswith("halted: the store was learned from the log created another log")
    assert found["gateway"].ok
    assert not found["alert halted"].ok
    assert not found["alert halted"].serious
    await store.redis.delete(keys.tier("BAD"))
    await store.close()


async def test_an_unfinished_rebuild_is_a_failure(stack: Stack) -> None:
    store = Store(operator_logins(stack.data_dir, stack.nats_url, stack.redis_url)[1])
    await store.redis.hset(keys.tier("BAD"), mapping={"epoch": "resetting"})

    async def found() -> bool:
        finding = (await diagnosis(stack)).get("rebuild")
        return finding is not None and finding.wrong

    await eventually(found, "the doctor finds it")
    await store.redis.delete(keys.tier("BAD"))
    await store.close()


async def test_the_processes_are_asked_over_http_when_nats_does_not_respond(stack: Stack) -> None:
    found = await diagnosis(stack, f"nats://127.0.0.1:{free_port()}")
    assert found["NATS"].wrong
    assert found["decision"].ok
    assert found["reward-updater"].ok
    assert found["store"].ok
