"""Structured logs: one line per event; JSON for machines, text on a terminal."""

from __future__ import annotations

import logging
import sys
import time
from contextvars import ContextVar
from typing import Any

import msgspec

from pointsman.runtime.telemetry import tracing

_ROOT = "pointsman"
_decision: ContextVar[str] = ContextVar("decision", default="")
_tier: ContextVar[str] = ContextVar("tier", default="")
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


def logger(name: str) -> logging.Logger:
    """Return the logger of one part of Pointsman."""
    return logging.getLogger(f"{_ROOT}.{name}")


def about(decision_id: str) -> None:
    """Have every further line of this request, and of the tasks that it starts, name its decision."""
    _decision.set(decision_id)


def bind_tier(tier: str) -> None:
    """Have every further JSON line of this task, and of those that it starts, name its tier; sentences do so anyway."""
    _tier.set(tier)


def configure_logs(service: str, level: str = "info", style: str = "auto") -> None:
    """Send the logs of this process to stderr; of libraries, warnings and errors, in the same form.

    Parameters
    ----------
    service : str
        Stands in every line.
    level : {"debug", "info", "warning", "error"}
    style : {"auto", "json", "text"}
        ``auto``: text where stderr is a terminal.
    """
    handler = logging.StreamHandler(sys.stderr)
    as_text = style == "text" or (style == "auto" and sys.stderr.isatty())
    handler.setFormatter(_Text(service) if as_text else _Json(service))
    root = logging.getLogger(_ROOT)
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    root.propagate = False
    libraries = logging.getLogger()  # uvicorn, asyncio, OpenTelemetry: left to themselves, each writes as it likes
    libraries.handlers[:] = [handler]
    libraries.setLevel("WARNING")
    logging.captureWarnings(True)


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    told = {key: value for key, value in record.__dict__.items() if key not in _STANDARD}
    if decision_id := _decision.get():
        told.setdefault("decision_id", decision_id)
    return told if tracing.active is None else told | tracing.active.ids()


class _Json(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "service": self._service,
            "part": record.name.removeprefix(f"{_ROOT}."),
            **({"tier": tier} if (tier := _tier.get()) else {}),
            "event": record.getMessage(),
            **_extra(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


class _Text(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        extra = "".join(f" {key}={value}" for key, value in _extra(record).items())
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        said = f"{record.getMessage()}{extra}".replace("\r", "\\r").replace("\n", "\\n")  # one line, whatever is in it
        line = f"{clock} {record.levelname.lower():7} {self._service}: {said}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line
