from __future__ import annotations

import subprocess
import sys

import pytest

import pointsman
from pointsman.cli.main import COMMANDS, main


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])

    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert [command for command in COMMANDS if f"\n    {command}" not in shown] == []


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])

    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: pointsman {command}")


def test_version_is_the_distributions(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])

    assert capsys.readouterr().out == f"pointsman {pointsman.__version__}\n"


def test_without_a_command_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "start here" in capsys.readouterr().out


def test_an_expected_failure_is_one_line_that_names_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--days", "0"]) == 2
    assert capsys.readouterr().err == "pointsman compare: --days: expected at least 1, got 0\n"


def test_probe_imports_none_of_the_slow_modules() -> None:
    code = (
        "import sys; from pointsman.cli.main import main; main(['probe', 'http://127.0.0.1:1/']);"
        "print([m for m in ('asyncio', 'numpy', 'nats', 'redis', 'msgspec', 'rich') if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ended.stdout == "[]\n"


def test_numpy_is_not_loaded_before_a_service_has_limited_its_threads() -> None:
    code = "import sys, pointsman.cli.main, pointsman.cli.commands.services; print('numpy' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "False\n"
