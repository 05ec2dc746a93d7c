from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from pointsman.cli.main import main

CONFIG = """
[[tier]]
name = "SIMPLE"
[[tier]]
name = "COMPLEX"

[llm]
auto = [{tier = "SIMPLE", below = 0.15}, {tier = "COMPLEX"}]
"""
PROOF = "Prove it step by step, and explain why."


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POINTSMAN_CONFIG", raising=False)
    return tmp_path / "own.toml"


def shown(capsys: pytest.CaptureFixture[str]) -> dict[str, list[str]]:
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    return {line[0]: line[1:] for line in lines if line}


def test_a_prompt_has_its_features_its_score_and_its_tier(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(CONFIG, encoding="utf-8")
    assert main(["features", PROOF, "--config", str(file)]) == 0
    rows = shown(capsys)
    assert rows["reasoning"] == ["1.000", "0.40", "0.400"]
    assert rows["auto"][1:] == ["tier", "COMPLEX"]
    parts = [float(rows[name][2]) for name in rows if name not in ("feature", "auto")]
    assert len(parts) == 12
    assert float(rows["auto"][0]) == pytest.approx(sum(parts), abs=0.01)


def test_without_a_configuration_there_is_a_score_and_no_tier(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["features", "Hi"]) == 0
    assert shown(capsys)["auto"] == ["0.000"]


def test_a_whole_request_is_read_from_the_input(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    request = {"messages": [{"role": "user", "content": PROOF}], "stream": True, "tools": [{}, {}]}
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(request)))
    assert main(["features", "-"]) == 0
    rows = shown(capsys)
    assert rows["streaming"][0] == "1.000"
    assert float(rows["tools"][0]) > 0.3


def test_json_that_is_no_request_is_a_prompt(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["features", '{"a": 1, "b": "=>"}']) == 0
    assert float(shown(capsys)["code"][0]) > 0.0


def test_an_extractor_that_cannot_be_loaded_is_reported(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(CONFIG + 'features = "nowhere:Extractor"\n', encoding="utf-8")
    assert main(["features", "Hi", "--config", str(file)]) == 2
    assert "llm.features: cannot load nowhere:Extractor" in capsys.readouterr().err
    assert main(["config", "check", "--config", str(file)]) == 2
    assert "llm.features: cannot load nowhere:Extractor" in capsys.readouterr().err


def test_the_configuration_check_shows_the_bounds_of_auto(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(CONFIG, encoding="utf-8")
    assert main(["config", "check", "--config", str(file)]) == 0
    assert "features chat/1; the model auto is SIMPLE below 0.15, else COMPLEX" in capsys.readouterr().out
    file.write_text(CONFIG + "[context]\ndim = 3\n", encoding="utf-8")
    assert main(["config", "check", "--config", str(file)]) == 0
    assert "refused: llm.features: 'chat' returns 12 features, but context.dim is 3" in capsys.readouterr().out
