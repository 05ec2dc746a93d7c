"""Settings of who may use the gateway."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.cli.main import main
from pointsman.contracts.access.keys import make_key
from pointsman.contracts.config import ConfigError, exposure_problems, keys_required, load_config

TIER = '[[tier]]\nname = "S"\n'
KEY, STORED = make_key("a", ["read"])
TABLE = f'[[api_key]]\nid = "{STORED.id}"\nname = "a"\nscopes = ["read"]\nhash = "{STORED.hash}"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "pointsman.toml"


def test_the_command_line_s_key_is_no_setting_and_not_in_an_error(file: Path) -> None:
    file.write_text(TIER)
    load_config(file, {"POINTSMAN_API_KEY": KEY})
    with pytest.raises(ConfigError) as caught:
        load_config(file, {"POINTSMAN_API_KEY": KEY, "POINTSMAN_API_KEY_FILE": "x"})
    assert caught.value.problems == ["POINTSMAN_API_KEY_FILE: unknown setting"]


def test_a_key_in_the_configuration_is_enough_to_need_keys(file: Path) -> None:
    file.write_text(TIER + TABLE)
    config = load_config(file, {})
    assert config.api_key == [STORED]
    assert keys_required(config)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (TABLE + TABLE, "api_key[1].id: used twice"),
        (TABLE.replace('"read"', '"fly"'), "api_key[0].scopes[0]: expected decide, report, read or admin, got 'fly'"),
        (TABLE.replace("sha256:", ""), "api_key[0].hash: expected sha256:"),
        ("[gateway]\ncert_file = 'c.pem'\n", "gateway.key_file: required together with cert_file"),
        ("[gateway]\nkey_file = 'k.pem'\n", "gateway.cert_file: required together with key_file"),
        ("[gateway]\nanonymous_rate_limit_per_s = -1\n", "gateway.anonymous_rate_limit_per_s: "),
        ("[gateway]\nread_timeout_ms = 0\n", "gateway.read_timeout_ms: "),
        (
            '[gateway]\nallowed_hosts = ["a.example", "https://b.example"]\n',
            "gateway.allowed_hosts[1]: expected a host name",
        ),
        ('[gateway]\nallowed_hosts = "a.example"\n', "gateway.allowed_hosts: "),
    ],
)
def test_an_invalid_setting_is_reported(file: Path, text: str, problem: str) -> None:
    file.write_text(TIER + text)
    with pytest.raises(ConfigError) as caught:
        load_config(file, {})
    assert [line for line in caught.value.problems if line.startswith(problem)], caught.value.problems


@pytest.mark.parametrize("command", [["up", "--data-dir", "data"], ["config", "check"]])
def test_a_gateway_that_everyone_could_reach_is_refused_before_anything_starts(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    monkeypatch.chdir(file.parent)
    file.write_text(TIER + '[gateway]\nhost = "0.0.0.0"\n')
    assert main([*command, "--config", str(file)]) == 2
    assert "gateway.keys_file" in capsys.readouterr().err
    assert not Path("data").exists()
    file.write_text(TIER + '[gateway]\nhost = "0.0.0.0"\nallow_anonymous = true\n')
    assert exposure_problems(load_config(file, {})) == []


@pytest.mark.parametrize("published", ["0.0.0.0", "192.0.2.7", "::", ""])
def test_a_published_container_port_needs_keys_too(file: Path, published: str) -> None:
    file.write_text(TIER)
    environ = {"POINTSMAN_GATEWAY_HOST": "0.0.0.0", "POINTSMAN_GATEWAY_PUBLISHED_HOST": published}
    (problem,) = exposure_problems(load_config(file, environ))
    assert problem.startswith("gateway.published_host: " if published else "gateway.host: ")
    assert exposure_problems(load_config(file, {**environ, "POINTSMAN_GATEWAY_KEYS_FILE": "keys"})) == []


@pytest.mark.parametrize("published", ["127.1", "localhost", "127.0.0.1:127.0.0.1", "[::1]", "::1%lo", "127.0.0.01"])
def test_an_address_that_docker_cannot_read_is_refused(file: Path, published: str) -> None:
    """It would publish the port on every interface."""
    file.write_text(TIER)
    with pytest.raises(ConfigError) as caught:
        load_config(file, {"POINTSMAN_GATEWAY_HOST": "0.0.0.0", "POINTSMAN_GATEWAY_PUBLISHED_HOST": published})
    (problem,) = caught.value.problems
    assert problem.endswith(f"gateway.published_host: expected an IP address, got {published!r}")


@pytest.mark.parametrize("published", ["127.0.0.1", "::1"])
def test_a_container_port_that_is_published_on_loopback_needs_no_keys(file: Path, published: str) -> None:
    file.write_text(TIER)
    environ = {"POINTSMAN_GATEWAY_HOST": "0.0.0.0", "POINTSMAN_GATEWAY_PUBLISHED_HOST": published}
    assert exposure_problems(load_config(file, environ)) == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a.example.com", ["a.example.com"]),
        ("a.example.com, b.example.com", ["a.example.com", "b.example.com"]),
        ('["a.example.com"]', ["a.example.com"]),
        ("", []),
    ],
)
def test_a_list_of_texts_in_the_environment_may_be_separated_by_commas(file: Path, text: str, names: list[str]) -> None:
    file.write_text(TIER)
    assert load_config(file, {"POINTSMAN_GATEWAY_ALLOWED_HOSTS": text}).gateway.allowed_hosts == names
