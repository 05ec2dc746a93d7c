"""``pointsman keys``."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import pytest

from pointsman.cli.main import main
from pointsman.contracts.access.key_file import read_keys
from pointsman.contracts.access.keys import Keyring, StoredKey


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POINTSMAN_CONFIG", raising=False)
    return tmp_path / "keys"


def test_a_key_is_made_listed_and_revoked(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["--file", str(file)]
    scopes = ["--scopes", "report,decide", "--rate-limit", "50"]
    assert main(["keys", "create", "--name", "shop", *scopes, *command]) == 0
    shown = capsys.readouterr()
    key = shown.out.strip()
    assert key not in shown.err
    assert key.rpartition("_")[2] not in file.read_text()
    (stored,), _ = read_keys(file)
    assert Keyring([stored]).find(key.encode()) is stored
    assert (stored.name, stored.scopes, stored.rate_limit_per_s) == ("shop", ["decide", "report"], 50.0)

    assert main(["keys", "list", *command]) == 0
    listed = capsys.readouterr().out
    assert stored.id in listed
    assert "shop" in listed
    assert stored.hash.partition(":")[2] not in listed

    assert main(["keys", "revoke", "shop", *command]) == 0
    assert read_keys(file) == ([], [])
    assert main(["keys", "revoke", "shop", *command]) == 1


def test_a_name_that_several_keys_have_revokes_none(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert main(["keys", "create", "--name", "a", "--scopes", "read", "--file", str(file)]) == 0
    assert main(["keys", "revoke", "a", "--file", str(file)]) == 1
    keys, _ = read_keys(file)
    assert len(keys) == 2
    assert keys[0].id in capsys.readouterr().err
    assert main(["keys", "revoke", keys[0].id, "--file", str(file)]) == 0
    assert read_keys(file)[0] == keys[1:]


def test_without_a_file_the_table_for_the_configuration_is_printed(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keys", "create", "--name", 'a "b"', "--scopes", "read"]) == 0
    shown = capsys.readouterr()
    stored = msgspec.convert(tomllib.loads(shown.out)["api_key"][0], StoredKey)
    assert Keyring([stored]).find(shown.err.split()[0].encode()) is stored
    assert not file.exists()


def test_the_file_that_the_configuration_names_is_used(file: Path) -> None:
    Path("pointsman.toml").write_text('[[tier]]\nname = "S"\n[gateway]\nkeys_file = "keys"\n')
    assert main(["keys", "create", "--name", "a", "--scopes", "admin"]) == 0
    assert read_keys(file)[0][0].scopes == ["admin"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--name", "a", "--scopes", "fly"],
        ["--name", "a", "--scopes", ","],
        ["--name", "", "--scopes", "read"],
        ["--name", "a", "--scopes", "read", "--rate-limit", "0"],
    ],
)
def test_a_wrong_option_makes_no_key(file: Path, arguments: list[str]) -> None:
    assert main(["keys", "create", *arguments, "--file", str(file)]) == 2
    assert not file.exists()
