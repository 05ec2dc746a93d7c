from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.cli.main import main
from tests.support.processes import free_port
from tests.unit.cli.conftest import Answer

GOOD = """
[[tier]]
name = "SIMPLE"
arms = ["ollama:llama3.2", "openai:gpt-4o-mini"]

[[shadow]]
name = "greedy"
algorithm = "epsilon-greedy"
epsilon = 0.0
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "pointsman.toml"


def test_a_valid_configuration_is_summarised(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(GOOD, encoding="utf-8")

    assert main(["config", "check", "--config", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "is valid" in shown
    assert "tier SIMPLE  scaled-linucb over ollama:llama3.2, openai:gpt-4o-mini" in shown
    assert "shadow greedy = epsilon-greedy (epsilon 0.0)" in shown


def test_every_problem_of_an_invalid_configuration_is_listed(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(GOOD + "\n[context]\ndim = 0\n\n[colour]\nred = 1\n", encoding="utf-8")

    assert main(["config", "check", "--config", str(file)]) == 2
    shown = capsys.readouterr().err
    assert "context.dim: expected 1 to 1024, got 0" in shown
    assert "colour: unknown section" in shown


def test_an_environment_variable_that_overrides_is_named(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(GOOD, encoding="utf-8")
    monkeypatch.setenv("POINTSMAN_POLICY_EPSILON", "0.2")

    assert main(["config", "check", "--config", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "epsilon 0.2" in shown
    assert "POINTSMAN_POLICY_EPSILON" in shown


def test_names_that_are_most_likely_mistakes_give_a_warning(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fixed = '\n[[shadow]]\nname = "fixed"\nalgorithm = "static:p:m"\n[[tier]]\nname = "B"\narms = ["p:m"]\n'
    file.write_text(GOOD + fixed + '[cost_usd]\n"p:n" = 0.1\n', encoding="utf-8")

    assert main(["config", "check", "--config", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "warning: shadow fixed: p:m is not an arm of tier SIMPLE, where it chooses the first candidate" in shown
    assert "warning: [cost_usd] names p:n, which no tier has" in shown


def test_a_missing_file_is_reported(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", "--config", str(file)]) == 2
    assert "No such file" in capsys.readouterr().err


def test_arms_without_a_provider_give_a_warning(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(GOOD + '\n[[tier]]\nname = "OTHER"\narms = ["lab:small", "openai:gpt-5"]\n', encoding="utf-8")

    assert main(["config", "check", "--config", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "warning: chat requests cannot go to lab:small: there is no [[provider]] of that name" in shown


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (200, b"<html></html>", "is not a gateway of Pointsman"),
        (200, b'{"policies": [{"tier": "SIMPLE"}]}', "is not a gateway of Pointsman"),
        (401, b'{"title": "Unauthorized", "detail": "an API key is required"}', "401 an API key is required"),
        (
            200,
            b'{"policies": [{"tier": "SIMPLE", "active": {"name": "linucb", "algorithm": "linucb"}}]}',
            "The file applies when the gateway restarts with it",
        ),
    ],
)
def test_policies_in_force_are_compared_where_something_answers_at_the_gateways_address(
    answer: Answer,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    status: int,
    body: bytes,
    message: str,
) -> None:
    file.write_text(GOOD, encoding="utf-8")
    monkeypatch.setenv("POINTSMAN_GATEWAY_PORT", answer(status, body).rpartition(":")[2])
    assert main(["config", "check", "--config", str(file)]) == 0
    assert message in capsys.readouterr().out


def test_without_a_gateway_it_is_stated_that_the_policies_in_force_are_not_known(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(GOOD, encoding="utf-8")
    monkeypatch.setenv("POINTSMAN_GATEWAY_PORT", str(free_port()))
    assert main(["config", "check", "--config", str(file)]) == 0
    assert "are unknown: no gateway responds at http://127.0.0.1" in capsys.readouterr().out


def test_an_effort_that_cannot_be_sent_and_a_misspelt_one_give_a_warning(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arms = ["ollama:gpt-oss@xhigh", "openai:gpt-5@hihg", "openai:gpt-5@high", "p:m@max"]
    file.write_text(f'[[tier]]\nname = "A"\narms = {arms}\n', encoding="utf-8")

    assert main(["config", "check", "--config", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "ollama:gpt-oss@xhigh: ollama does not have the effort 'xhigh'; it has none, low, medium, high, max" in shown
    assert "if it should be one, write gpt-5@high" in shown
    assert "gpt-5@high:" not in shown
    assert "chat requests cannot go to p:m@max" in shown
