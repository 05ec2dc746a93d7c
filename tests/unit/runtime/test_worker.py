"""Life of a worker on one tier: states, retries, takeover, release of the lease."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.runtime.bus import BusUnavailable
from pointsman.runtime.store.errors import StoreUnavailable
from pointsman.runtime.store.lease import HOLD_LEASE
from pointsman.runtime.store.store import Script, Store
from pointsman.runtime.telemetry.logs import logger
from pointsman.runtime.worker import Halted, NotReady, TierWorker, WorkerState, run_periodically

LEASE_MS = 60
TIMEOUT_S = 5.0
log = logger("test")


class LeaseStore(Store):
    """Grants or refuses the lease; counts releases."""

    def __init__(self) -> None:
        super().__init__("redis://nowhere:1/0")
        self.free = True
        self.error: Exception | None = None
        self.released = 0

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[Any]) -> Any:
        if self.error is not None:
            raise self.error
        if script is HOLD_LEASE:
            return int(self.free)
        self.released += 1
        return 1


class Worker(TierWorker):
    role = "test"
    running_status = "counting"

    def __init__(self, store: Store) -> None:
        super().__init__(store, "T", "me", LEASE_MS, log, retry_interval_s=0.01, halt_check_interval_s=0.01)
        self.load_error: Exception | None = None
        self.step_error: Exception | None = None
        self.go_on = True
        self.loads = self.steps = self.unloads = self.failures = self.standbys = 0
        self.halts: list[str] = []
        self.status_while_loading: tuple[WorkerState, str] | None = None

    async def load(self) -> None:
        self.loads += 1
        self.status_while_loading = self.state, self.status
        if self.load_error is not None:
            raise self.load_error

    async def step(self) -> bool:
        self.steps += 1
        await asyncio.sleep(0.001)
        if self.step_error is not None:
            raise self.step_error
        return self.go_on

    async def unload(self) -> None:
        self.unloads += 1

    def on_standby(self) -> None:
        self.standbys += 1

    def on_failure(self) -> None:
        self.failures += 1

    async def on_halt(self, problem: str) -> None:
        self.halts.append(problem)


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[None]:
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        while not condition():  # noqa: ASYNC110  # a state has no event
            await asyncio.sleep(0.001)


@pytest.fixture
def store() -> LeaseStore:
    return LeaseStore()


@pytest.fixture
def worker(store: LeaseStore) -> Worker:
    return Worker(store)


async def test_worker_with_the_lease_loads_once_and_steps(worker: Worker, store: LeaseStore) -> None:
    assert (worker.state, worker.status, worker.readiness) == (WorkerState.STARTING, "starting", "starting")
    async with running(worker):
        await until(lambda: worker.steps > 3)
        assert (worker.state, worker.status, worker.readiness) == (WorkerState.RUNNING, "counting", "ok")
        assert worker.running
        assert (worker.loads, worker.unloads) == (1, 0)
        assert worker.status_while_loading == (WorkerState.LOADING, "starting")
    assert (worker.unloads, store.released) == (1, 1)


async def test_step_that_returns_false_loads_again_without_a_change_of_state(worker: Worker) -> None:
    async with running(worker):
        await until(lambda: worker.running)
        worker.go_on = False
        await until(lambda: worker.loads > 3)
        assert worker.running
        assert worker.unloads >= worker.loads - 1


async def test_worker_without_the_lease_stands_by_and_takes_over(worker: Worker, store: LeaseStore) -> None:
    store.free = False
    async with running(worker):
        await until(lambda: worker.standbys > 1)
        assert (worker.state, worker.readiness, worker.loads) == (WorkerState.STANDBY, "ok", 0)
        store.free = True
        await until(lambda: worker.running)
    assert worker.status_while_loading == (WorkerState.STANDBY, "standby")  # ready during the takeover


async def test_worker_that_loses_the_lease_stops_its_work(worker: Worker, store: LeaseStore) -> None:
    async with running(worker):
        await until(lambda: worker.running)
        store.free = False
        await until(lambda: worker.state is WorkerState.STANDBY)
        assert worker.unloads == 1
        steps = worker.steps
        await asyncio.sleep(LEASE_MS / 1000.0)
        assert worker.steps == steps
    assert store.released == 0  # the lease of another process is left alone


@pytest.mark.parametrize("error", [BusUnavailable("nats away"), StoreUnavailable("redis away")])
async def test_worker_retries_after_an_error_of_the_bus_or_the_store(worker: Worker, error: Exception) -> None:
    worker.step_error = error
    async with running(worker):
        await until(lambda: worker.failures > 2)
        assert (worker.state, worker.status) == (WorkerState.WAITING, f"waiting: {error}")
        assert worker.readiness == worker.status
        assert worker.unloads == worker.failures
        worker.step_error = None
        await until(lambda: worker.running)


async def test_worker_retries_when_the_lease_cannot_be_asked_for(worker: Worker, store: LeaseStore) -> None:
    store.error = StoreUnavailable("redis away")
    async with running(worker):
        await until(lambda: worker.failures > 2)
        assert (worker.status, worker.loads) == ("waiting: redis away", 0)
        store.error = None
        await until(lambda: worker.running)
        store.error = StoreUnavailable("redis away")  # the lease cannot be released, and the worker ends all the same


async def test_worker_that_is_not_ready_waits_without_a_warning(
    worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    worker.load_error = NotReady("the tier is being reset")
    async with running(worker):
        await until(lambda: worker.loads > 2)
        assert (worker.status, worker.failures) == ("waiting: the tier is being reset", 0)
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
        worker.load_error = None
        await until(lambda: worker.running)


async def test_halted_worker_alerts_once_and_resumes_when_the_states_agree(worker: Worker, store: LeaseStore) -> None:
    worker.load_error = Halted("the log is older")
    async with running(worker):
        await until(lambda: worker.loads > 3)
        assert (worker.state, worker.status, worker.detail) == (WorkerState.HALTED, "halted", "the log is older")
        assert worker.readiness == "halted"
        assert worker.halts == ["the log is older"]
        worker.load_error = None
        await until(lambda: worker.running)
        worker.load_error, worker.go_on = Halted("the log is older"), False
        await until(lambda: worker.state is WorkerState.HALTED)
        assert worker.halts == ["the log is older"] * 2
    assert store.released == 1


async def test_halt_whose_alert_fails_is_announced_again(worker: Worker) -> None:
    attempts = 0

    async def on_halt(problem: str) -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise BusUnavailable("nats away")

    worker.load_error = Halted("the log is older")
    worker.on_halt = on_halt  # type: ignore[method-assign]
    async with running(worker):
        await until(lambda: worker.state is WorkerState.HALTED)
        await until(lambda: attempts == 2)
    assert worker.detail == "the log is older"


async def test_error_that_is_a_bug_is_raised(worker: Worker) -> None:
    worker.step_error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await worker.run()
    assert worker.unloads == 1


async def test_periodic_task_is_repeated_after_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    errors: list[Exception] = [BusUnavailable("away"), StoreUnavailable("away"), InvalidMessage("v", "odd")]
    done = asyncio.Event()

    async def work() -> None:
        if errors:
            raise errors.pop()
        done.set()

    task = asyncio.create_task(run_periodically(work, 0.0, log=log, failure="not judged", tier="T"))
    await asyncio.wait_for(done.wait(), TIMEOUT_S)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert caplog.messages == ["tier T: not judged: v: odd", *["tier T: not judged: away"] * 2]


async def test_periodic_task_raises_a_bug() -> None:
    async def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await run_periodically(work, 0.0, log=log, failure="not judged")


async def test_periodic_task_is_skipped_while_its_condition_is_false() -> None:
    checks = runs = 0

    def condition() -> bool:
        nonlocal checks
        checks += 1
        return False

    async def work() -> None:
        nonlocal runs
        runs += 1

    task = asyncio.create_task(run_periodically(work, 0.0, log=log, failure="not judged", condition=condition))
    await until(lambda: checks > 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert runs == 0
