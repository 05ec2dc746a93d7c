"""What servers answer, and what a user typed, is printed without control characters, in every command."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from pathlib import Path

import pytest
from rich.text import Text

from pointsman.cli.commands.doctor.command import _print
from pointsman.cli.commands.doctor.finding import Finding
from pointsman.cli.console import PrintableConsole
from pointsman.cli.main import main
from pointsman.cli.output import printable_output
from tests.support.repository import ROOT
from tests.unit.cli.conftest import Answer

EVIL = "a\x1b[2J\x1b]0;owned\x07\x9b31m\u202eb\rc\nSIMPLE fake row"
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
SPEC = {"name": EVIL, "algorithm": EVIL, "parameters": {EVIL: EVIL}}
CHANGE = {"kind": EVIL, "by": EVIL, "person": EVIL, "why": EVIL, "replaced": EVIL}
VERSION = {"version": 3, "stored_at_ms": 1, "active": SPEC, "shadows": [SPEC], "changed_by": EVIL, "problem": ""}
POLICIES = {
    "tier": "SIMPLE",
    "version": 3,
    "active": SPEC,
    "shadows": [SPEC],
    "active_since_ms": 1,
    "replaced": SPEC,
    "warnings": [EVIL],
}
REPORT = {
    "policy": EVIL,
    "tier": "SIMPLE",
    "algorithm": "x",
    "decisions": 9,
    "errors": 0,
    "agreement": 0.5,
    "cost_delta_usd": None,
    "cost_unknown": [EVIL],
    "disagreements": {"count": 1},
    "pairs": [{"active": EVIL, "shadow": EVIL, "count": 1}],
    "verdict": "cannot tell",
    "why": EVIL,
}
ANSWERS = json.dumps(
    {
        "policies": [{**POLICIES, **REPORT, "active": SPEC}],
        **POLICIES,
        "change": {**CHANGE, "policy": EVIL, "evidence": {"own_rule": EVIL}},
        "versions": [{**VERSION, "change": CHANGE}, {**VERSION, "change": None, "problem": EVIL}],
    },
    ensure_ascii=False,
).encode()
REPORTS = json.dumps({"window": {"from": 0, "to": 1}, "policies": [REPORT]}, ensure_ascii=False).encode()
REFUSAL = json.dumps({"title": EVIL, "detail": EVIL, "errors": [{"field": EVIL, "detail": EVIL}]}).encode()


@pytest.mark.parametrize(
    ("command", "status", "body"),
    [
        (["policies"], 200, ANSWERS),
        (["policies", "--history"], 200, ANSWERS),
        (["policies", "--json"], 200, ANSWERS),
        (["policies", "--tier", EVIL], 200, ANSWERS),
        (["compare"], 200, REPORTS),
        (["compare", "--json"], 200, REPORTS),
        (["compare"], 409, REFUSAL),
        (["compare"], 500, EVIL.encode()),
        (["promote", "SIMPLE", EVIL, "--yes"], 200, ANSWERS),
        (["promote", "SIMPLE", "x" + EVIL, "--yes"], 200, ANSWERS),
        (["revert", "SIMPLE", "--yes"], 409, REFUSAL),
    ],
)
def test_no_control_character_is_printed(
    command: list[str],
    status: int,
    body: bytes,
    answer: Answer,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with contextlib.suppress(SystemExit):
        main([*command, "--url", answer(status, body)])
    shown = "".join(capsys.readouterr())
    assert "owned" in shown
    assert CONTROL.findall(shown) == []
    assert not [line for line in shown.splitlines() if line.startswith("SIMPLE fake row")]


def test_what_was_typed_is_printed_without_control_characters(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "pointsman.toml"
    file.write_text(f'[[tier]]\nname = "A"\narms = [{json.dumps(EVIL)}]\n[{json.dumps(EVIL)}]\n', encoding="utf-8")
    assert main(["config", "check", "--config", str(file)]) == 2
    assert main(["replay", str(tmp_path / EVIL)]) == 2
    with pytest.raises(SystemExit):
        main([EVIL])
    assert CONTROL.findall("".join(capsys.readouterr())) == []


def test_findings_of_the_doctor_are_printed_without_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    with printable_output():
        _print([Finding("NATS", False, EVIL, EVIL), Finding("store", False, EVIL, serious=False)], EVIL)
    shown = capsys.readouterr().out
    assert shown.count("owned") == 4
    assert CONTROL.findall(shown) == []


def test_findings_of_the_doctor_fit_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "one two three " * 20
    findings = [Finding("NATS", False, text, text), Finding("store", True, text)]
    _print(findings, "a test")
    assert len(capsys.readouterr().out.splitlines()) == 5  # for programs, a line for each text
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    _print(findings, "a test")
    shown = re.sub("\x1b\\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, shown)) <= 100
    continued = [line for line in shown if line.startswith(" " * 16)]
    assert len(continued) > 6
    assert " ".join(shown).split().count("three") == 60


def test_the_styles_of_a_table_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    with printable_output():
        PrintableConsole(force_terminal=True, color_system="standard").print(Text(f"{EVIL}", style="bold red"))
        sys.stdout.flush()
    shown = capsys.readouterr().out
    assert shown.startswith("\x1b[1;31m")
    assert "\\u001b[2J" in shown
    assert CONTROL.findall(re.sub("\x1b\\[[0-9;]*m", "", shown)) == []


def test_the_dashboard_inserts_text_as_text() -> None:
    folder = ROOT / "services/gateway/pointsman_gateway/console/static/dashboard"
    scripts = {file.name: file.read_text(encoding="utf-8") for file in folder.rglob("*.js")}
    assert len(scripts) > 10
    for name, text in scripts.items():
        for interprets in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "DOMParser",
            "srcdoc",
            "eval(",
        ):
            assert interprets not in text, name
