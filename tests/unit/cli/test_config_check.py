from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.cli.main import main

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
    assert "tier SIMPLE  linucb over ollama:llama3.2, openai:gpt-4o-mini" in shown
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


def test_a_missing_file_is_reported(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", "--config", str(file)]) == 2
    assert "No such file" in capsys.readouterr().err


def test_arms_without_a_provider_give_a_warning(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(GOOD + '\n[[tier]]\nname = "OTHER"\narms = ["lab:small", "openai:gpt-5"]\n', encoding="utf-8")

    assert main(["config", "check", "--config", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "warning: chat requests cannot go to lab:small: there is no [[provider]] of that name" in shown
