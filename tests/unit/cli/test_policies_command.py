"""``pointsman policies``, ``promote`` and ``revert`` as far as they go without a gateway that switches anything."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.cli.main import main
from tests.unit.cli.conftest import Answer

LINUCB = {"name": "linucb", "algorithm": "linucb", "parameters": {"epsilon": 0.05}}
GREEDY = {"name": "greedy", "algorithm": "epsilon-greedy", "forgetting": 0.99}


def _policies(**changed: Any) -> bytes:
    view = {
        "tier": "SIMPLE",
        "version": 7,
        "active": LINUCB,
        "shadows": [GREEDY],
        "changed_at_ms": 1_795_312_000_000,
        "changed_by": "api",
        "active_since_ms": 1_795_312_000_000,
        "replaced": None,
        "reverted": [],
        "change": None,
        **changed,
    }
    return json.dumps({"policies": [view]}).encode()


def test_what_serves_and_what_runs_in_shadow_is_listed(answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policies", "--url", answer(200, _policies())]) == 0
    shown = capsys.readouterr().out
    for told in ("SIMPLE", "7", "linucb", "epsilon 0.05", "greedy", "epsilon-greedy", "forgetting 0.99"):
        assert told in shown


def test_a_tier_that_is_not_there_is_an_error(answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policies", "--tier", "NOPE", "--url", answer(200, _policies())]) == 2
    assert "no tier 'NOPE'" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["promote", "SIMPLE", "greedy"], ["revert", "SIMPLE"]])
def test_without_a_terminal_a_switch_wants_to_be_confirmed(
    command: list[str], answer: Answer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    assert main([*command, "--url", answer(200, _policies(replaced=GREEDY))]) == 2
    assert "--yes" in capsys.readouterr().err


def test_a_revert_without_a_promotion_is_refused_before_it_asks(
    answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["revert", "SIMPLE", "--url", answer(200, _policies())]) == 1
    assert "linucb was not promoted" in capsys.readouterr().err


def test_a_refusal_is_told_in_a_line(answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    refusal = json.dumps({"title": "Forbidden", "detail": "this API key does not have the scope admin"}).encode()
    assert main(["policies", "--url", answer(403, refusal)]) == 1
    assert "scope admin" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "told"),
    [("nope", "no shadow of SIMPLE is called 'nope'; there is greedy"), ("linucb", "serves SIMPLE already")],
)
def test_nobody_is_asked_about_what_cannot_be_promoted(
    answer: Answer, capsys: pytest.CaptureFixture[str], name: str, told: str
) -> None:
    assert main(["promote", "SIMPLE", name, "--url", answer(200, _policies())]) == 1
    assert told in capsys.readouterr().err
