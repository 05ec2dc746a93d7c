from __future__ import annotations

import pytest

from pointsman.cli.main import main
from tests.unit.cli.conftest import Answer


def test_status_200_succeeds(answer: Answer) -> None:
    assert main(["probe", answer(200, b"{}") + "/readyz"]) == 0


def test_any_other_status_fails_and_the_body_is_shown(answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    url = answer(503, b'{"nats":"not connected"}')

    assert main(["probe", f"{url}/readyz"]) == 1
    assert '503 Service Unavailable {"nats":"not connected"}' in capsys.readouterr().err


def test_no_server_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "http://127.0.0.1:1/"]) == 1
    assert "refused" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://127.0.0.1/", "http:///x"])
def test_an_invalid_url_is_refused(url: str) -> None:
    assert main(["probe", url]) == 2
