"""Structured logs: one line per event, as JSON or as text for a terminal."""

import logging
import sys
import time
from contextvars import ContextVar
from typing import Any

import msgspec

from pointsman.core.printable import printable
from pointsman.runtime.telemetry import tracing

_ROOT = "pointsman"
_decision: ContextVar[str] = ContextVar("decision", default="")
_tier: ContextVar[str] = ContextVar("tier", default="")
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


def logger(name: str) -> logging.Logger:
    """Return the logger of a component."""
    return logging.getLogger(f"{_ROOT}.{name}")


def bind_decision(decision_id: str) -> None:
    """Add the decision id to every following line of this request and of the tasks that it starts."""
    _decision.set(decision_id)


def bind_tier(tier: str) -> None:
    """Add the tier to every following JSON line of this task and of the tasks that it starts; messages contain it."""
    _tier.set(tier)


def configure_logs(service: str, level: str = "info", style: str = "auto") -> None:
    """Send the logs of this process, and warnings and errors of libraries, to stderr.

    ``service`` is included in every line. ``style`` is ``json``, ``text``, or ``auto``: text if stderr is a terminal.
    """
    handler = logging.StreamHandler(sys.stderr)
    as_text = style == "text" or (style == "auto" and sys.stderr.isatty())
    handler.setFormatter(_Text(service) if as_text else _Json(service))
    root = logging.getLogger(_ROOT)
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    root.propagate = False
    libraries = logging.getLogger()  # uvicorn, asyncio and OpenTelemetry would otherwise use their own formats
    libraries.handlers[:] = [handler]
    libraries.setLevel("WARNING")
    logging.captureWarnings(True)


class _Formatter(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    @staticmethod
    def _fields(record: logging.LogRecord) -> dict[str, Any]:
        """Return the ``extra`` fields of a record, the decision id and the trace ids."""
        fields = {key: value for key, value in record.__dict__.items() if key not in _STANDARD}
        if decision_id := _decision.get():
            fields.setdefault("decision_id", decision_id)
        return fields if tracing.active is None else fields | tracing.active.ids()


class _Json(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "service": self._service,
            "part": record.name.removeprefix(f"{_ROOT}."),
            **({"tier": tier} if (tier := _tier.get()) else {}),
            "event": record.getMessage(),
            **self._fields(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return printable(msgspec.json.encode(line, enc_hook=str).decode())


class _Text(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {key}={value}" for key, value in self._fields(record).items())
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        text = f"{record.getMessage()}{fields}".replace("\r", "\\r").replace("\n", "\\n")  # always a single line
        line = f"{clock} {record.levelname.lower():7} {self._service}: {text}"
        return printable(f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line)
