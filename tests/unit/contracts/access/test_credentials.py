"""Passwords: created once, kept, and readable only by the owner."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from pointsman.cli.main import main
from pointsman.contracts.access.credentials import (
    Credentials,
    completed,
    make_password,
    read_credentials,
    write_credentials,
    write_private,
)
from pointsman.contracts.access.folder import RUNNERS, make_folder, password_file
from pointsman.contracts.access.nats_permissions import NATS_ROLES
from pointsman.contracts.access.redis_acl import REDIS_ROLES


def mode_of(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_every_role_gets_a_password_of_its_own() -> None:
    made = completed()
    passwords = [*made.nats.values(), *made.redis.values()]
    assert len(set(passwords)) == len(NATS_ROLES) + len(REDIS_ROLES)
    assert min(map(len, passwords)) >= 43


def test_known_passwords_stay_and_missing_ones_are_added() -> None:
    made = completed(Credentials(nats={"gateway": "kept"}))
    assert made.nats["gateway"] == "kept"
    assert made.nats.keys() == set(NATS_ROLES)


def test_nothing_secret_is_printed() -> None:
    made = completed()
    shown = repr(made)
    assert not [password for password in (*made.nats.values(), *made.redis.values()) if password in shown]


def test_the_file_is_read_back_and_its_owners_only(tmp_path: Path) -> None:
    file = tmp_path / "credentials.json"
    assert read_credentials(file) is None
    made = completed()
    write_credentials(file, made)
    assert read_credentials(file) == made
    assert mode_of(file) == 0o600


def test_a_file_that_others_could_read_is_replaced_by_one_that_they_cannot(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_text("old")
    file.chmod(0o644)
    write_private(file, "new")
    assert (file.read_text(), mode_of(file)) == ("new", 0o600)


def test_a_folder_is_made_once_and_kept(tmp_path: Path) -> None:
    first = make_folder(tmp_path, "127.0.0.1:4222")
    again = make_folder(tmp_path, "127.0.0.1:4222")
    assert again == first
    assert make_folder(tmp_path, "127.0.0.1:4222", renew=True).nats["gateway"] != first.nats["gateway"]


def test_each_who_runs_finds_its_own_passwords_in_its_folder_and_no_others(tmp_path: Path) -> None:
    made = make_folder(tmp_path, "127.0.0.1:4222")
    for runner in RUNNERS:
        assert sorted(file.name for file in (tmp_path / runner).iterdir()) == ["nats.password", "redis.password"]
        assert password_file(tmp_path, "nats", runner).read_text().strip() == made.nats[runner]
    readable = [file.name for file in tmp_path.rglob("*") if file.is_file() and mode_of(file) != 0o400]
    assert readable == ["users.acl"]


def test_the_command_makes_the_folder_and_prints_no_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["credentials", str(tmp_path / "access"), "--nats-address", "bus.example.org:4222"]) == 0
    shown = capsys.readouterr().out
    observer = (tmp_path / "access" / "nats" / "observer.password").read_text().strip()
    assert observer not in shown
    assert (
        tmp_path / "access" / "nats" / "observer.url"
    ).read_text() == f"nats://observer:{observer}@bus.example.org:4222\n"


def test_an_address_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["credentials", str(tmp_path), "--nats-address", "nats://x"]) == 2
    assert "expected HOST:PORT" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["credentials", str(tmp_path / "file")]) == 1
    assert "pointsman credentials: " in capsys.readouterr().err


@pytest.mark.parametrize("count", [100])
def test_passwords_need_no_quoting(count: int) -> None:
    assert all(
        set(make_password()) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        for _ in range(count)
    )
