"""How every service runs: uvloop, logs, the configuration, and a clean end on SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable

# The matrices are small: threads would only take memory and turns. This counts only before numpy is loaded.
for _threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import pointsman  # noqa: E402
from pointsman.contracts.config import Config, ConfigError, load_config  # noqa: E402  # loads numpy
from pointsman.runtime.telemetry import metrics  # noqa: E402
from pointsman.runtime.telemetry.logs import configure_logs, logger  # noqa: E402
from pointsman.runtime.telemetry.tracing import start_tracing, stop_tracing  # noqa: E402

log = logger("service")


def run_service(name: str, main: Callable[[Config, asyncio.Event], Awaitable[None]]) -> int:
    """Run a service until it is told to stop; return the exit code.

    Parameters
    ----------
    name : str
        Stands in every log line.
    main : coroutine function
        Gets the configuration and an event that is set when it is time to stop.
    """
    import uvloop  # noqa: PLC0415  # here, so that reading a configuration does not need it

    try:
        config = load_config()
        start_tracing(name, config.tracing)
    except ConfigError as error:
        return _refuse(name, error)
    configure_logs(name, config.log.level, config.log.format)
    metrics.build.info({"version": pointsman.__version__})

    # What was imported never becomes garbage; each full collection would go through it, a pause of tens of ms.
    gc.collect()
    gc.freeze()

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        work = asyncio.ensure_future(main(config, stop))
        log.info("%s starts, process %d", name, os.getpid())
        await work
        log.info("%s stopped", name)

    try:
        uvloop.run(run())
    except ConfigError as error:  # what only the service itself can find out, as that a file cannot be used
        return _refuse(name, error)
    except Exception:
        log.exception("%s failed", name)
        return 1
    finally:
        stop_tracing()
    return 0


def _refuse(name: str, error: ConfigError) -> int:
    for problem in error.problems:
        print(f"{name}: configuration: {problem}", file=sys.stderr)
    return 2
