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
from typing import BinaryIO, NamedTuple

from pointsman.cli.stack import parent_death_signal
from pointsman.runtime.backoff import RestartBackoff
from pointsman.runtime.telemetry.logs import logger

log = logger("stack")

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

    No error ends the supervision: a program that cannot be started is tried again, and errors of the callbacks are
    logged.
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
        self._restart_reason = ""
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
            self._report(f"{self.name} did not stop within {timeout_s:g} s; killed")
            self._signal(signal.SIGKILL)
        await self._task

    async def restart(self, reason: str, timeout_s: float) -> None:
        """End the program as `stop` does, for it to be started again at once; ``reason`` is reported."""
        process = self._process
        if process is None:
            return  # it is being started
        self._restart_reason = reason
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), timeout_s)
        except TimeoutError:
            if self._process is process:
                self._report(f"{self.name} did not stop within {timeout_s:g} s; killed")
                self._signal(signal.SIGKILL)

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
            except Exception as error:  # such as no memory, no file descriptor, no port
                self.last_code, what = None, f"cannot be started ({error or type(error).__name__})"
            else:
                self.pid = process.pid
                self._follow_change()
                self._attempted.set()
                if self.deaths:
                    self._report(f"{self.name} restarted, process {process.pid}")
                if self._stopping.is_set():  # stop() was called during the start and could not signal the process
                    self._signal(signal.SIGTERM)
                self.last_code = await process.wait()
                self._process, what = None, _describe(self.last_code)
                if self.last_code > 0 and (reason := self.last_line()):
                    what = f"{what}: {reason}"
            if not self._stopping.is_set():
                self.deaths += 1
                self._attempted.set()
                delay_s = 0.0 if self._restart_reason else backoff.after(time.monotonic() - started_at)
                when = f"restarting it in {delay_s:.1f} s (log: {self.log_file})"
                self._report(f"{self.name} {self._restart_reason or f'{what}; {when}'}")
                self._restart_reason = ""
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), delay_s)

    def _report(self, line: str) -> None:
        try:
            self._on_event(line)
        except Exception:
            log.exception("cannot report: %s", line)

    def _follow_change(self) -> None:
        try:
            self._on_change()
        except Exception:
            log.exception("%s: process %s is not recorded", self.name, self.pid)

    async def _spawn(self) -> Process:
        command = self._command()
        with _open_log(self.log_file) as output:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", parent_death_signal.__file__, str(os.getpid())),
                *command.argv,
                env=command.environ,
                stdin=DEVNULL,
                stdout=output,
                stderr=STDOUT,
                start_new_session=True,
                pass_fds=self._keep_open,
            )

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)


def _open_log(log_file: Path) -> BinaryIO:
    """Open a log file, rotated if it is large; the null device if the file cannot be written: a program runs anyway."""
    try:
        if log_file.exists() and log_file.stat().st_size > MAX_LOG_BYTES:
            log_file.replace(log_file.with_name(log_file.name + ".1"))
        return os.fdopen(os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")
    except OSError as error:
        log.warning("%s cannot be written (%s): its program runs without a log", log_file, error)
        return open(os.devnull, "ab")  # noqa: PTH123  # a device, no path


def _describe(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
