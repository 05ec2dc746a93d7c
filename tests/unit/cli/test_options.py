"""Options with a number."""

from __future__ import annotations

import pytest

from pointsman.cli.main import main


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["mock-provider", "--port", "99999"], "argument --port: expected 0 to 65535, got 99999"),
        (["mock-provider", "--port", "-1"], "argument --port: expected 0 to 65535, got -1"),
        (["mock-provider", "--port", "http"], "argument --port: expected a whole number, 0 to 65535, got 'http'"),
        (["up", "--port", "65536"], "argument --port: expected 0 to 65535, got 65536"),
        (["demo", "--port", "65536"], "--port: expected 0 to 65535, got 65536"),
        (["promote", "T", "p", "--version", "-1"], "argument --version: expected at least 0, got -1"),
        (["credentials", "d", "--owner", "-5"], "argument --owner: expected 0 to 4294967294, got -5"),
        (["credentials", "d", "--nats-address", "host:99999"], "--nats-address: expected HOST:PORT"),
        (["probe", "http://127.0.0.1:1", "--timeout", "-1"], "--timeout: expected more than 0 and at most 3600"),
        (["probe", "http://127.0.0.1:1", "--timeout", "nan"], "--timeout: expected more than 0 and at most 3600"),
        (["probe", "http://127.0.0.1:99999"], "Port out of range 0-65535"),
        (["policies", "--url", "http://127.0.0.1:99999"], "expected http://host:port"),
        (["tail", "--count", "0"], "--count: expected at least 1, got 0"),
        (["replay", "f", "--concurrency", "0"], "--concurrency: expected 1 to 1024, got 0"),
        (["compare", "--days", "0"], "--days: expected at least 1, got 0"),
        (["keys", "create", "--name", "x", "--scopes", "read", "--rate-limit", "-1"], "expected more than 0"),
    ],
)
def test_a_number_out_of_range_is_an_error_of_its_option(
    command: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(command)
    except SystemExit as exit:
        code = int(exit.code or 0)
    assert code == 2
    assert message in capsys.readouterr().err
