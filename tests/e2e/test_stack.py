"""``pointsman up``, as a user starts it."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pointsman.cli.stack.lock import is_alive
from tests.e2e.running_stack import RunningStack

pytestmark = pytest.mark.e2e


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[RunningStack]:
    stack = RunningStack(tmp_path)
    yield stack
    stack.end()


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def test_whatever_is_killed_comes_back_and_the_loop_goes_on(stack: RunningStack) -> None:
    stack.start("--port", "0", "--replicas", "decision=2")
    assert [len(processes) for processes in stack.file().values()] == [1, 2, 1, 1, 1, 1]
    stack.decide_and_learn()

    for name, processes in stack.file().items():
        for at, process in enumerate(processes):
            os.kill(process["pid"], signal.SIGKILL)
            stack.until(lambda: stack.file()[name][at]["pid"] != process["pid"], f"{name} restarted")  # noqa: B023  # awaited here
            stack.until(stack.ready, f"ready after {name} was killed")
            stack.decide_and_learn()

    assert stack.learned() == 8
    assert "was ended by SIGKILL; restarting it in 0.2 s" in stack.output


def test_ctrl_c_ends_everything_and_a_second_start_knows_what_was_learned(stack: RunningStack) -> None:
    stack.start("--port", "0")
    stack.decide_and_learn()
    stack.decide_and_learn()
    pids = stack.pids

    assert stack.interrupt() == 0
    assert [pid for pid in pids if is_alive(pid)] == []
    assert not (stack.folder / "data" / "stack.json").exists()

    stack.start("--port", "0")
    assert stack.learned() == 2
    stack.decide_and_learn()
    assert stack.learned() == 3


def test_the_commands_that_inspect_find_the_stack(stack: RunningStack) -> None:
    stack.start("--port", "0", "--replicas", "decision=2")
    stack.decide_and_learn()
    stack.until(lambda: bool(_report(stack)["decisions"]), "the shadow has seen the decision")

    doctor = stack.run("doctor")
    compared = stack.run("compare")
    probed = stack.run("probe", f"{stack.file()['gateway'][0]['url']}/readyz")

    assert (doctor.returncode, doctor.stderr) == (0, "")
    assert "no check failed" in doctor.stdout
    assert "2 replicas" in doctor.stdout
    assert (compared.returncode, compared.stderr) == (0, "")
    assert "cheapest" in compared.stdout
    assert (probed.returncode, probed.stdout) == (0, "")


def test_a_second_stack_on_the_same_data_is_refused(stack: RunningStack) -> None:
    stack.start("--port", "0")

    second = stack.run("up", "--port", "0")

    assert second.returncode == 1
    assert "another stack runs on" in second.stderr
    assert stack.ready()


def test_a_requested_port_in_use_is_reported(stack: RunningStack, busy_port: int) -> None:
    ended = stack.run("up", "--port", str(busy_port))

    assert ended.returncode == 2
    assert f"port {busy_port} on 127.0.0.1 is in use" in ended.stderr


def test_a_busy_port_that_is_only_configured_is_avoided(stack: RunningStack, busy_port: int) -> None:
    with (stack.folder / "pointsman.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n[gateway]\nport = {busy_port}\n")

    stack.start()

    assert f"port {busy_port} is in use, so the gateway uses " in stack.output
    assert stack.ready()


def _report(stack: RunningStack) -> dict[str, int]:
    policies = json.loads(stack.run("compare", "--json").stdout)["policies"]
    report: dict[str, int] = policies[0]
    return report


def test_a_stack_with_a_damaged_log_runs_on_until_the_log_is_restored(stack: RunningStack) -> None:
    stack.start("--port", "0")
    stack.decide_and_learn()
    stack.decide_and_learn()
    assert stack.interrupt() == 0
    (folder,) = stack.folder.glob("data/nats/jetstream/*/streams/OUTCOMES")
    (folder / "meta.inf").write_bytes((folder / "meta.inf").read_bytes()[:40])

    stack.start("--port", "0", wait_for="It goes on")
    assert "NATS no longer has streams that existed: OUTCOMES" in stack.output
    doctor = stack.run("doctor", "--no-calls")
    assert doctor.returncode == 1
    assert f"its files are in data/nats/jetstream/{folder.parent.parent.name}/streams/OUTCOMES" in doctor.stdout
    restored = stack.run("logs", "restore")
    assert "OUTCOMES: restored 2 messages" in restored.stdout, restored.stderr

    def rebuilt() -> bool:
        return stack.run("rebuild", "--yes").returncode == 0

    stack.until(rebuilt, "the restored log is accepted")
    stack.until(lambda: "Pointsman is ready" in stack.output, "ready")
    assert "identical" in stack.run("audit").stdout
    stack.decide_and_learn()
    assert stack.learned() == 3
