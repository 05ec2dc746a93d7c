"""``[nats]`` and ``[redis]``: whom to be, where the password is, and that it is shown nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.contracts.config import Config, ConfigError, load_config
from pointsman.contracts.config.connections import NatsConfig, RedisConfig

TIER = '[[tier]]\nname = "T"\n'


def load(tmp_path: Path, text: str = "", **environ: str) -> Config:
    file = tmp_path / "pointsman.toml"
    file.write_text(TIER + text, encoding="utf-8")
    return load_config(file, environ)


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_text("from-a-file\n", encoding="utf-8")
    return file


def test_a_password_comes_from_a_file(tmp_path: Path, password_file: Path) -> None:
    config = load(tmp_path, POINTSMAN_NATS_USER="decision", POINTSMAN_NATS_PASSWORD_FILE=str(password_file))
    assert (config.nats.user, config.nats.password) == ("decision", "from-a-file")


def test_the_environments_password_replaces_the_files_password_file(tmp_path: Path) -> None:
    text = '[redis]\nuser = "a"\npassword_file = "/nowhere"\n'
    assert load(tmp_path, text, POINTSMAN_REDIS_PASSWORD="12345").redis.password == "12345"


def test_an_empty_variable_takes_a_setting_away(tmp_path: Path) -> None:
    text = '[nats]\nuser = "a"\npassword = "b"\n'
    config = load(tmp_path, text, POINTSMAN_NATS_USER="", POINTSMAN_NATS_PASSWORD="")
    assert (config.nats.user, config.nats.password) == (None, None)


def test_no_secret_is_printed() -> None:
    config = Config(
        nats=NatsConfig(url="nats://me:hidden-1@h:1,nats://me:hidden-2@h:2", user="u", password="hidden-3"),
        redis=RedisConfig(url="rediss://:hidden-4@h:1/0", password="hidden-5"),
    )
    for shown in (repr(config), str(config), f"{config.nats}", config.nats.public_url, config.redis.public_url):
        assert "hidden" not in shown
    assert config.nats.public_url == "nats://h:1,nats://h:2"
    assert "password='***'" in repr(config.nats)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[nats]\nurl = "nats://u:p/w:hidden@h:1"', "nats.url: "),
        ('[nats]\nurl = "nats://u:hidden@h:port"', "nats.url: not a valid URL"),
        ('[nats]\nurl = "http://h:1"', "nats.url: expected nats://host:port or tls://host:port"),
        ('[nats]\nurl = "nats://a:1,tls://b:2"', "nats.url: nats:// and tls:// are mixed"),
        ('[redis]\nurl = "h:1"', "redis.url: expected redis://host:port or rediss://host:port"),
        ('[nats]\nuser = "u"', "nats.user: requires a password"),
        ('[nats]\npassword = "hidden"', "nats.user: required together with a password"),
        ('[redis]\nuser = "u"', "redis.user: requires a password"),
        ('[nats]\nuser = "a.b"\npassword = "hidden"', "nats.user: expected printable ASCII characters"),
        (
            '[redis]\nurl = "redis://x:hidden@h:1"\npassword = "hidden"',
            "redis.user: set either user",
        ),
        ('[redis]\npassword = "hidden"\npassword_file = "f"', "redis.password_file: set either redis.password or"),
        ('[redis]\npassword_file = "/nowhere"', "redis.password_file: No such file or directory"),
        ('[nats]\nca_file = "/nowhere"', "nats.ca_file: requires a url that begins with tls://"),
        ('[redis]\nurl = "rediss://h:1"\nca_file = "/nowhere"', "redis.ca_file: file not found: /nowhere"),
        (
            '[nats]\nurl = "tls://h:1"\nkey_file = "/nowhere"',
            "nats.cert_file: cert_file and key_file require",
        ),
    ],
)
def test_an_invalid_setting_is_reported_without_the_secret(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert [line for line in caught.value.problems if line.startswith(problem)], caught.value.problems
    assert "hidden" not in str(caught.value)


def test_an_empty_password_file_is_a_problem(tmp_path: Path, password_file: Path) -> None:
    password_file.write_text("\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="the file is empty"):
        load(tmp_path, f'[redis]\npassword_file = "{password_file}"')
