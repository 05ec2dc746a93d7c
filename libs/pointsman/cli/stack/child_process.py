"""A supervised child process: started, restarted when it ends, stopped."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from pointsman.cli.stack import parent_death_signal
from pointsman.runtime.backoff import RestartBackoff

MAX_LOG_BYTES = 10 * 1024**2
_TAIL_BYTES = 4096


class Command(NamedTuple):
    """Arguments and environment of a program."""

    argv: Sequence[str]
    environ: dict[str, str]


class ChildProcess:
    """Keeps one program running until `stop`.

    The program runs in its own session, so that Ctrl-C in a terminal reaches only the supervisor. The kernel ends it
    when the supervisor dies (see `pointsman.cli.stack.parent_death_signal`). ``command`` is called before every
    start; ``on_event`` receives one line for every end and restart, ``on_change`` follows a new process id.
    """

    def __init__(
        self,
        name: str,
        command: Callable[[], Command],
        log_file: Path,
        keep_open: Sequence[int],
        on_event: Callable[[str], None],
        on_change: Callable[[], None],
    ) -> None:
        self.name = name
        self.log_file = log_file
        self.pid: int | None = None
        self.deaths = 0
        self.last_code: int | None = None
        self._command = command
        self._keep_open = keep_open
        self._on_event = on_event
        self._on_change = on_change
        self._process: Process | None = None
        self._attempted = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the program; return after the first attempt, successful or not."""
        self._task = asyncio.create_task(self._supervise(), name=f"child {self.name}")
        await self._attempted.wait()

    async def stop(self, timeout_s: float) -> None:
        """Send SIGTERM, and SIGKILL if the program has not ended after ``timeout_s`` seconds."""
        self._stopping.set()
        if self._task is None:
            return
        self._signal(signal.SIGTERM)
        done, _ = await asyncio.wait([self._task], timeout=timeout_s)
        if not done:
            self._on_event(f"{self.name} did not stop within {timeout_s:g} s; killed")
            self._signal(signal.SIGKILL)
        await self._task

    def kill(self) -> None:
        """Kill the program; it is not restarted."""
        self._stopping.set()
        self._signal(signal.SIGKILL)

    def last_line(self) -> str:
        """Return the last line of the output; empty when there is none."""
        try:
            with self.log_file.open("rb") as log:
                log.seek(max(0, self.log_file.stat().st_size - _TAIL_BYTES))
                lines = log.read().decode(errors="replace").split("\n")
        except OSError:
            return ""
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    async def _supervise(self) -> None:
        backoff = RestartBackoff()
        while not self._stopping.is_set():
            started_at = time.monotonic()
            try:
                process = self._process = await self._spawn()
            except OSError as error:
                self.last_code, what = None, f"cannot be started ({error})"
            else:
                self.pid = process.pid
                self._on_change()
                self._attempted.set()
                if self.deaths:
                    self._on_event(f"{self.name} restarted, process {process.pid}")
                if self._stopping.is_set():  # stop() was called during the start and could not signal the process
                    self._signal(signal.SIGTERM)
                self.last_code = await process.wait()
                self._process, what = None, _describe(self.last_code)
            if not self._stopping.is_set():
                self.deaths += 1
                self._attempted.set()
                delay_s = backoff.after(time.monotonic() - started_at)
                self._on_event(f"{self.name} {what}; restarting it in {delay_s:.1f} s (log: {self.log_file})")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), delay_s)

    async def _spawn(self) -> Process:
        command = self._command()
        _rotate(self.log_file)
        with self.log_file.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", parent_death_signal.__file__, str(os.getpid())),
                *command.argv,
                env=command.environ,
                stdin=DEVNULL,
                stdout=log,
                stderr=STDOUT,
                start_new_session=True,
                pass_fds=self._keep_open,
            )

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)


def _rotate(log_file: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if log_file.stat().st_size > MAX_LOG_BYTES:
            log_file.replace(log_file.with_name(log_file.name + ".1"))


def _describe(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
