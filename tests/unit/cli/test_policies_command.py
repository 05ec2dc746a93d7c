"""``pointsman policies``, ``promote`` and ``revert`` with a server that returns fixed responses."""

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


def test_active_policy_and_shadows_are_listed(answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policies", "--url", answer(200, _policies())]) == 0
    shown = capsys.readouterr().out
    for text in ("SIMPLE", "7", "linucb", "epsilon 0.05", "greedy", "epsilon-greedy", "forgetting 0.99"):
        assert text in shown


def test_an_unknown_tier_is_an_error(answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policies", "--tier", "NOPE", "--url", answer(200, _policies())]) == 2
    assert "no tier 'NOPE'" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["http://127.0.0.1:abc", "http://127.0.0.1:99999"])
def test_an_invalid_port_is_an_error_of_the_option(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policies", "--url", url]) == 2
    assert f"--url or --api-key: expected http://host:port, got '{url}'" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["promote", "SIMPLE", "greedy"], ["revert", "SIMPLE"]])
def test_without_a_terminal_a_switch_requires_yes(
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


def test_a_refusal_is_printed_in_one_line(answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    refusal = json.dumps({"title": "Forbidden", "detail": "this API key does not have the scope admin"}).encode()
    assert main(["policies", "--url", answer(403, refusal)]) == 1
    assert "scope admin" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "message"),
    [("nope", "no shadow of SIMPLE is called 'nope'; there is greedy"), ("linucb", "active policy of SIMPLE already")],
)
def test_a_policy_that_cannot_be_promoted_is_refused_without_a_question(
    answer: Answer, capsys: pytest.CaptureFixture[str], name: str, message: str
) -> None:
    assert main(["promote", "SIMPLE", name, "--url", answer(200, _policies())]) == 1
    assert message in capsys.readouterr().err
