"""Log lines: one per event, as JSON and as text."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys

import pytest

from pointsman.runtime.telemetry.logs import _Json, _Text, bind_decision, bind_tier, logger

ID = "SIMPLE.17.0123456789abcdef"


def record(message: str, **extra: object) -> logging.LogRecord:
    made = logger("test").makeRecord("pointsman.test", logging.WARNING, __file__, 1, message, (), None, extra=extra)
    assert isinstance(made, logging.LogRecord)
    return made


async def test_lines_of_a_request_and_its_tasks_have_the_decision_id() -> None:
    async def in_the_background() -> str:
        return _Json("gateway").format(record("the outcome is lost"))

    async def request() -> list[str]:
        bind_decision(ID)
        return [_Json("gateway").format(record("the scorer failed")), await asyncio.create_task(in_the_background())]

    lines = await asyncio.create_task(request())
    assert [json.loads(line)["decision_id"] for line in lines] == [ID, ID]
    assert "decision_id" not in json.loads(_Json("gateway").format(record("no request")))


async def test_json_lines_of_a_tier_have_the_tier() -> None:
    async def work() -> list[str]:
        bind_tier("SIMPLE")
        return [style("reward-updater").format(record("tier SIMPLE: halted")) for style in (_Json, _Text)]

    json_line, text = await asyncio.create_task(work())
    assert json.loads(json_line)["tier"] == "SIMPLE"
    assert text.endswith("tier SIMPLE: halted")
    assert "tier" not in json.loads(_Json("reward-updater").format(record("it starts")))


def test_json_has_standard_and_extra_fields() -> None:
    line = json.loads(_Json("decision").format(record("it failed", tier="SIMPLE", count=3)))
    assert {key: line[key] for key in ("level", "service", "part", "event", "tier", "count")} == {
        "level": "warning",
        "service": "decision",
        "part": "test",
        "event": "it failed",
        "tier": "SIMPLE",
        "count": 3,
    }
    assert line["at"].endswith("Z")


@pytest.mark.parametrize("style", [_Json, _Text])
def test_line_breaks_in_a_message_do_not_forge_lines(style: type[logging.Formatter]) -> None:
    line = style("gateway").format(record("refused: 'x\n12:00:00 error gateway: forged\r'"))
    assert len(line.splitlines()) == 1


def test_text_has_level_service_and_extra_fields() -> None:
    line = _Text("gateway").format(record("tier SIMPLE halted", decision_id=ID))
    assert line.endswith(f"warning gateway: tier SIMPLE halted decision_id={ID}")


def test_warnings_of_libraries_have_the_same_format() -> None:
    program = (
        "import logging, warnings\n"
        "from pointsman.runtime.telemetry.logs import configure_logs\n"
        "configure_logs('gateway', 'info', 'json')\n"
        "logging.getLogger('uvicorn.error').info('Started')\n"
        "logging.getLogger('uvicorn.error').warning('Invalid HTTP request received.')\n"
        "logging.getLogger('asyncio').error('Task exception was never retrieved\\nfuture: <Task>')\n"
        "warnings.warn('old')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["part"] for line in lines] == ["uvicorn.error", "asyncio", "py.warnings"]
    assert {line["service"] for line in lines} == {"gateway"}


def test_a_line_contains_no_control_characters() -> None:
    evil = "a\x1b[2Jb\x9bc\u202ed\r\ne"
    text = _Text("gateway").format(record(evil, who=evil))
    assert text.isprintable()
    assert text.endswith("a\\u001b[2Jb\\u009bc\\u202ed\\r\\ne who=a\\u001b[2Jb\\u009bc\\u202ed\\r\\ne")
    line = _Json("gateway").format(record(evil))
    assert line.isprintable()
    assert json.loads(line)["event"] == evil
