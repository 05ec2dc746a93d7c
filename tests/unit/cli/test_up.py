from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.cli.commands.up import parse_replicas
from pointsman.cli.errors import CommandFailed
from pointsman.cli.main import main


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], {}),
        (["decision=3"], {"decision": 3}),
        (["decision=3,reward-updater=2"], {"decision": 3, "reward_updater": 2}),
        (["decision=2", "shadow_evaluator=2"], {"decision": 2, "shadow_evaluator": 2}),
        (["gateway=1"], {"gateway": 1}),
    ],
)
def test_replicas_are_read_from_one_option_or_several(texts: list[str], expected: dict[str, int]) -> None:
    assert parse_replicas(texts) == expected


@pytest.mark.parametrize("text", ["decision", "decision=", "decision=0", "decision=x", "decision=65", "nats=2", "=3"])
def test_invalid_replicas_are_refused(text: str) -> None:
    with pytest.raises(CommandFailed, match="--replicas: expected decision=N") as failure:
        parse_replicas([text])
    assert failure.value.code == 2


def test_there_is_one_gateway() -> None:
    with pytest.raises(CommandFailed, match="one gateway"):
        parse_replicas(["gateway=2"])


def test_a_missing_configuration_is_reported_with_the_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POINTSMAN_CONFIG", raising=False)

    assert main(["up"]) == 2
    assert "there is no pointsman.toml here; name a configuration with --config" in capsys.readouterr().err
