from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pointsman.cli.main import main
from tests.unit.cli.conftest import Answer


def _policy(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "policy": name,
        "tier": "SIMPLE",
        "algorithm": name,
        "decisions": 0,
        "errors": 0,
        "agreement": None,
        "cost_delta_usd": None,
        "cost_unknown": [],
        "disagreements": {"count": 0},
        "pairs": [],
        **fields,
    }


def _report(*policies: dict[str, Any]) -> bytes:
    return json.dumps({"window": {"from": 0, "to": 1}, "policies": policies}).encode()


TRIED = _policy(
    "cheapest",
    decisions=1200,
    agreement=0.75,
    cost_delta_usd=-0.00125,
    disagreements={"count": 300},
    pairs=[
        {"active": "openai:gpt-5", "shadow": "ollama:llama3.2", "count": 290},
        {"active": "openai:[x]", "shadow": "ollama:llama3.2", "count": 10},
    ],
)


def test_each_policy_has_its_figures_and_its_disagreements(answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--url", answer(200, _report(TRIED, _policy("greedy")))]) == 0

    shown = capsys.readouterr().out
    (row,) = [line.split() for line in shown.splitlines() if line.strip().startswith("cheapest ")]
    assert row == ["cheapest", "1,200", "75.0", "%", "–", "−$1.25", *"cannot tell".split()]  # noqa: SIM905
    assert "cheapest, SIMPLE: 300 disagreements\n  290  openai:gpt-5 → ollama:llama3.2\n   10  openai:[x] →" in shown


def test_one_disagreement_is_in_the_singular(answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = [{"active": "openai:gpt-5", "shadow": "ollama:llama3.2", "count": 1}]
    policy = _policy("greedy", decisions=3, agreement=0.6, disagreements={"count": 1}, pairs=pairs)

    assert main(["compare", "--url", answer(200, _report(policy))]) == 0
    assert "1 disagreement\n" in capsys.readouterr().out


def test_a_cost_without_reports_is_unknown_not_zero(answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    policy = _policy("greedy", decisions=3, agreement=1.0, cost_unknown=["openai:gpt-5"])

    assert main(["compare", "--url", answer(200, _report(policy))]) == 0
    shown = capsys.readouterr().out
    assert "no outcome has reported the cost of openai:gpt-5 yet" in shown


def test_a_policy_with_errors_has_their_number(answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--url", answer(200, _report(_policy("broken", errors=7)))]) == 0
    shown = capsys.readouterr().out
    assert "errors" in shown
    assert " 7 " in shown


def test_no_decisions_yet_is_reported(answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--days", "1", "--url", answer(200, _report(_policy("a"), _policy("b")))]) == 0
    assert capsys.readouterr().out == "Nothing to compare yet: no decision was evaluated for a or b in the last day.\n"


def test_no_shadow_is_reported(answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--url", answer(200, _report())]) == 0
    assert "[[shadow]]" in capsys.readouterr().out


def test_json_is_the_gateways_report(answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--json", "--url", answer(200, _report(TRIED))]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(_report(TRIED))


def test_a_page_is_written_to_the_file(answer: Answer, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    assert main(["compare", "--html", str(file), "--url", answer(200, _report(TRIED))]) == 0
    assert capsys.readouterr().out == f"{file}\n"
    page = file.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "ollama:llama3.2" in page


def test_a_page_that_cannot_be_written_is_an_error(
    answer: Answer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "none" / "report.html"
    assert main(["compare", "--html", str(file), "--url", answer(200, _report(TRIED))]) == 1
    assert f"--html {file}: No such file or directory" in capsys.readouterr().err


def test_what_the_gateway_refuses_is_shown(answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    problem = b'{"title":"Not found","status":404,"errors":[{"field":"tier","detail":"no tier \'X\'"}]}'

    assert main(["compare", "--tier", "X", "--url", answer(404, problem)]) == 1
    assert "tier: no tier 'X'" in capsys.readouterr().err


def test_an_unavailable_gateway_is_reported_with_its_address(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--url", "http://127.0.0.1:1"]) == 1
    assert "the gateway does not respond at http://127.0.0.1:1" in capsys.readouterr().err
