"""Process of a service: configuration, logs, event loop, probes, clean end.

Every service has the same skeleton::

    services/<name>/README.md               subjects in and out, keys, files, behaviour when a dependency fails
    services/<name>/pointsman_<name>/
        __main__.py     calls `run_service` with the service's `serve`
        app.py          wiring only: `serve`, the objects and how they are connected, readiness
        <handlers>      one module per subject, worker or periodic task

`serve(config, stop)` builds the service and runs it with `run_with_probe`; its ``run`` goes through the same steps:
connect to NATS, wait for the streams, create the objects, start the `BackgroundTasks`, register with NATS, wait for
``stop``, finish what was accepted, close the connections. (The gateway serves HTTP itself, also while NATS cannot be
reached.)
"""

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Self

# The matrices are small: threads would only cost memory and context switches. Effective only before numpy is loaded.
for _threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import pointsman  # noqa: E402
from pointsman.contracts.config import Config, ConfigError, load_config  # noqa: E402  # loads numpy
from pointsman.contracts.config.services import ProbeConfig  # noqa: E402
from pointsman.core.printable import printable  # noqa: E402
from pointsman.runtime.descriptors import raise_descriptor_limit  # noqa: E402
from pointsman.runtime.probe import Probe, Problems, Readiness  # noqa: E402
from pointsman.runtime.telemetry import metrics  # noqa: E402
from pointsman.runtime.telemetry.logs import configure_logs, logger  # noqa: E402
from pointsman.runtime.telemetry.tracing import start_tracing, stop_tracing  # noqa: E402

log = logger("service")

SHUTDOWN_TIMEOUT_S = 3.0


class StopSignal(asyncio.Event):
    """Set when the service is to stop; its ``at_once`` is set when it is to wait for nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.at_once = asyncio.Event()

    def on_signal(self) -> None:
        """Stop at the first signal, at once at the second."""
        (self.at_once if self.is_set() else self).set()


def run_service(name: str, main: Callable[[Config, StopSignal], Awaitable[None]]) -> int:
    """Run a service until SIGTERM or SIGINT; return the exit code.

    ``main`` is called with the configuration and the event that stops the service.
    """
    import uvloop  # noqa: PLC0415  # not needed by those who only read a configuration

    try:
        config = load_config()
        start_tracing(name, config.tracing)
    except ConfigError as error:
        return _report(name, error)
    configure_logs(name, config.log.level, config.log.format)
    raise_descriptor_limit()
    metrics.build.info({"version": pointsman.__version__})

    # Imported objects never become garbage; each full collection would traverse them, a pause of tens of ms.
    gc.collect()
    gc.freeze()

    async def run() -> None:
        stop = StopSignal()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.on_signal)
        work = asyncio.ensure_future(main(config, stop))
        log.info("%s starts, process %d", name, os.getpid())
        await work
        log.info("%s stopped", name)

    try:
        uvloop.run(run())
    except ConfigError as error:  # found only by the service itself, such as a file that cannot be read
        return _report(name, error)
    except Exception:
        log.exception("%s failed", name)
        return 1
    finally:
        stop_tracing()
    return 0


async def run_with_probe(
    config: ProbeConfig,
    readiness: Readiness,
    work: Coroutine[Any, Any, None],
    stop: asyncio.Event,
    problems: Problems = list,
) -> None:
    """Answer probes while the work runs; after ``stop``, give the work `SHUTDOWN_TIMEOUT_S` to end by itself.

    It raises what the work raises, so that the process ends and is restarted.
    """
    try:
        probe = Probe(config.host, config.port, readiness, problems)
        await probe.start()
    except BaseException:  # the port is in use
        work.close()
        raise
    task = asyncio.create_task(work)
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            await asyncio.wait({task}, timeout=SHUTDOWN_TIMEOUT_S)
        while not task.done():  # before Python 3.12, `asyncio.wait_for`, and so a library, may swallow a cancellation
            task.cancel()
            await asyncio.wait({task}, timeout=SHUTDOWN_TIMEOUT_S)
        with contextlib.suppress(asyncio.CancelledError):
            await task
    finally:
        stopped.cancel()
        await probe.stop()


async def wait_until_stopped(stop: asyncio.Event, tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Wait until ``stop`` is set. Raise the error of a task that ends before, or `RuntimeError` if it has none."""
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({stopped, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
                raise RuntimeError(f"{task.get_name()} ended")
    finally:
        stopped.cancel()


class BackgroundTasks:
    """Tasks that run as long as a service does: cancelled at the end of the ``async with`` block."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[Any]] = []

    def start(self, name: str, work: Coroutine[Any, Any, Any]) -> None:
        """Start a task; the name stands in errors."""
        self._tasks.append(asyncio.create_task(work, name=name))

    async def wait_until(self, stop: asyncio.Event) -> None:
        """Wait until ``stop`` is set; raise the error of a task that ends before."""
        await wait_until_stopped(stop, self._tasks)

    async def __aenter__(self) -> Self:
        """Begin without tasks."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Cancel all tasks and wait for their end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _report(name: str, error: ConfigError) -> int:
    """Print the problems of a configuration; return the exit code."""
    for problem in error.problems:
        print(f"{name}: configuration: {printable(problem)}", file=sys.stderr)
    return 2
