"""The stack's supervisor with the real servers, and dummies for the services."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pointsman.cli.stack import stack
from pointsman.cli.stack.errors import DataDirBusy, ProbeFailed, StartFailed
from pointsman.cli.stack.lock import is_alive
from pointsman.cli.stack.logins import operator_logins
from pointsman.cli.stack.probes import http_get, nats_info, store_pid
from pointsman.cli.stack.stack import Stack
from pointsman.cli.stack.stack_file import StackFile, find_stack
from pointsman.contracts.config import Config
from tests.support.repository import ROOT

pytestmark = pytest.mark.integration

SERVICES = ("gateway", "decision", "shadow_evaluator", "reward_updater")
DUMMIES = dict.fromkeys(SERVICES, "tests.integration.dummies.service")
WITHIN_S = 20.0


def make(folder: Path, dummy: str = "", **others: Any) -> Stack:
    """A stack of dummies on free ports; what happens to it is in its ``events``."""
    environ = {**os.environ, "DUMMY": dummy, "PYTHONPATH": str(ROOT)}
    config = msgspec.convert({name: {"pass_environment": ["DUMMY"]} for name in SERVICES}, Config)
    return Stack(config, data_dir=folder / "data", port=0, modules=DUMMIES, environ=environ, **others)


async def until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not true():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.02)


def running(folder: Path) -> StackFile:
    found = find_stack(folder / "data")
    assert found is not None
    return found


async def test_the_addresses_of_the_stack_file_respond_until_the_stack_stops(tmp_path: Path) -> None:
    async with make(tmp_path, replicas={"decision": 2, "gateway": 5}) as started:
        content = running(tmp_path)
        assert content == started.describe()
        assert (len(content.gateway), len(content.decision), len(content.reward_updater)) == (1, 2, 1)
        assert (await nats_info(content.nats[0].url)).jetstream
        operator = operator_logins(tmp_path / "data", content.nats[0].url, content.store[0].url)[1]
        assert await store_pid(operator.url, "operator", operator.password or "") == content.store[0].pid
        for process in [*content.gateway, *content.decision, *content.shadow_evaluator, *content.reward_updater]:
            assert (await http_get(f"{process.url}/readyz"))[0] == 200
        assert (await http_get(f"{content.nats[0].monitor}/healthz"))[0] == 200
        open_to_web_pages = content.nats[0].monitor.rpartition("/")[0]
        assert [(await http_get(f"{open_to_web_pages}/{page}"))[0] for page in ("", "varz", "connz", "jsz")] == [
            404
        ] * 4

    assert [process.pid for process in content.processes() if is_alive(process.pid)] == []
    assert find_stack(tmp_path / "data") is None
    assert not (tmp_path / "data" / "stack.json").exists()
    with pytest.raises(ProbeFailed):
        await nats_info(content.nats[0].url)


async def test_whatever_is_killed_is_started_again_at_the_same_address(tmp_path: Path) -> None:
    events: list[str] = []
    async with make(tmp_path, on_event=events.append) as started:
        for name in ("nats", "store", *SERVICES):
            before = getattr(running(tmp_path), name)[0]
            os.kill(before.pid, signal.SIGKILL)
            await until(lambda: getattr(running(tmp_path), name)[0].pid != before.pid, f"{name} restarted")  # noqa: B023  # awaited here
            assert getattr(running(tmp_path), name)[0].url == before.url
        await started.wait_ready()

    assert [event for event in events if "nats was ended by SIGKILL; restarting it in 0.2 s" in event]
    assert [event for event in events if event.startswith("reward-updater restarted, process ")]


async def test_supervision_does_not_depend_on_files_that_can_be_written(tmp_path: Path) -> None:
    def fail(line: str) -> None:
        raise OSError(28, "No space left on device", line)

    async with make(tmp_path, on_event=fail) as started:
        stack_file, log_file = tmp_path / "data" / "stack.json", started.log_dir / "decision.log"
        for file in (stack_file, log_file):
            file.unlink()
            file.mkdir()  # also root cannot write it

        for _ in range(2):
            before = started.describe().decision[0].pid
            os.kill(before, signal.SIGKILL)
            await until(lambda: started.describe().decision[0].pid != before, "decision restarted")  # noqa: B023  # awaited here
        await started.wait_ready()

        stack_file.rmdir()
        await until(lambda: stack_file.exists() and running(tmp_path) == started.describe(), "stack.json is current")


async def test_a_process_that_cannot_be_started_for_want_of_descriptors_is_tried_again(tmp_path: Path) -> None:
    events: list[str] = []
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with make(tmp_path, on_event=events.append) as started:
        before = started.describe().decision[0].pid
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
        try:
            os.kill(before, signal.SIGKILL)
            await until(lambda: any("decision cannot be started" in event for event in events), "the start fails")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        await until(lambda: started.describe().decision[0].pid != before, "decision restarted")
        await started.wait_ready()


async def test_a_second_stack_on_the_directory_is_refused_and_does_not_disturb_the_first(tmp_path: Path) -> None:
    async with make(tmp_path):
        with pytest.raises(DataDirBusy, match=f"process {os.getpid()}; stop it"):
            async with make(tmp_path):
                pass
        assert running(tmp_path).gateway


async def test_the_store_comes_back_at_its_port_with_its_data(tmp_path: Path) -> None:
    async with make(tmp_path) as first:
        await _redis(first, b"HSET tier:{T} marked 1\r\n", b":1")
        url = first.redis_url

    async with make(tmp_path) as second:
        assert second.redis_url == url
        await _redis(second, b"HGET tier:{T} marked\r\n", b"$1\r\n1")


async def test_a_service_with_a_wrong_configuration_ends_the_start_at_once(tmp_path: Path) -> None:
    with pytest.raises(StartFailed, match="ends repeatedly: the dummy is wrong-configuration"):
        async with make(tmp_path, dummy="wrong-configuration"):
            pass
    assert find_stack(tmp_path / "data") is None


async def test_a_service_that_crashes_again_and_again_ends_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartFailed, match=r"the dummy is crash \(log: .*\.log\)"):
        async with make(tmp_path, dummy="crash"):
            pass


async def test_a_service_that_is_not_ready_in_time_is_reported_with_the_reason(tmp_path: Path) -> None:
    started = make(tmp_path, dummy="not-ready")
    try:
        await started.start()
        with pytest.raises(StartFailed, match="decision: store on holiday"):
            await started.wait_ready(timeout_s=1.5)
    finally:
        await started.stop()


async def test_a_service_that_ignores_sigterm_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "SERVICE_SHUTDOWN_TIMEOUT_S", 0.2)
    events: list[str] = []
    async with make(tmp_path, dummy="stubborn", on_event=events.append):
        pids = [process.pid for process in running(tmp_path).processes()]

    assert [pid for pid in pids if is_alive(pid)] == []
    assert "decision did not stop within 0.2 s; killed" in events


async def test_a_start_that_is_cancelled_leaves_nothing_behind(tmp_path: Path) -> None:
    started = make(tmp_path)
    starting = asyncio.create_task(started.start())
    await until(lambda: bool(started.describe().nats), "nats has a process")
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    pids = [process.pid for process in started.describe().processes()]

    await started.stop()

    assert [pid for pid in pids if is_alive(pid)] == []


async def test_ports_that_others_took_meanwhile_are_avoided(tmp_path: Path) -> None:
    async with make(tmp_path) as first:
        port = int(first.redis_url.rpartition(":")[2].removesuffix("/0"))
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", port))
        squatter.listen()

        async with make(tmp_path) as second:
            assert f":{port}/" not in second.redis_url


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A supervisor in a process of its own, with dummies on ``tmp_path / "data"``."""
    code = (
        "import asyncio, pathlib, sys\n"
        "from tests.integration.test_stack_supervision import make\n"
        "async def main():\n"
        "    async with make(pathlib.Path(sys.argv[1])):\n"
        "        await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])
    yield process
    process.kill()
    process.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals the death of a parent")
async def test_nothing_outlives_a_supervisor_that_was_killed(
    tmp_path: Path, supervisor: subprocess.Popen[bytes]
) -> None:
    pids = await _kill(tmp_path, supervisor)

    await until(lambda: not any(map(is_alive, pids)), "all have ended")


async def test_a_stack_starts_right_after_one_that_was_killed(
    tmp_path: Path, supervisor: subprocess.Popen[bytes]
) -> None:
    pids = await _kill(tmp_path, supervisor)
    assert find_stack(tmp_path / "data") is None

    async with make(tmp_path):
        assert not {process.pid for process in running(tmp_path).processes()} & set(pids)
        assert [pid for pid in pids if is_alive(pid)] == []


async def _kill(tmp_path: Path, supervisor: subprocess.Popen[bytes]) -> list[int]:
    def complete() -> bool:
        found = find_stack(tmp_path / "data")
        return found is not None and bool(found.reward_updater and found.decision and found.gateway)

    await until(complete, "the stack runs")
    pids = [process.pid for process in running(tmp_path).processes()]
    supervisor.kill()
    supervisor.wait()
    return pids


async def _redis(started: Stack, command: bytes, expected: bytes) -> None:
    _, operator = operator_logins(started.data_dir, started.nats_url, started.redis_url)
    port = int(started.redis_url.rpartition(":")[2].removesuffix("/0"))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"AUTH operator {operator.password}\r\n".encode() + command)
    assert await reader.readline() == b"+OK\r\n"
    assert (await reader.read(100)).startswith(expected)
    writer.close()
    await writer.wait_closed()
