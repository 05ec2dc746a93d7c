"""Large chat requests leave nothing in the gateway's memory, even when the garbage collector never runs, and those in
flight are bounded together.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.support.fixtures import RELAXED_TIMEOUTS, StartService
from tests.support.mock_provider import MockProviderProcess
from tests.support.processes import ServiceProcess, free_port
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

REQUESTS = int(os.environ.get("MEMORY_REQUESTS", "3"))
"""Of each kind; one that stays takes about 190 MB."""
BODY_BYTES = 17_000_000
ALLOWED_BYTES = 150_000_000
BODY_MEMORY_MB = 300
"""Enough for three of the bodies."""
AT_ONCE = 16
_PARTS = 8_000  # many small values, as an agent's long history has: they cost more than the text

CONFIG = """
[context]
dim = 12

[[provider]]
name = "alpha"
kind = "anthropic"
base_url = "{alpha}"
api_key_env = "MOCK_KEY"
retries = 0
breaker_failures = 1000000

[[provider]]
name = "closed"
kind = "anthropic"
base_url = "http://127.0.0.1:{closed}"
api_key_env = "MOCK_KEY"
retries = 0
breaker_failures = 1000000

[[tier]]
name = "T"
arms = ["alpha:broken", "alpha:small", "closed:m"]
"""


@pytest.fixture(scope="module")
def alpha(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MockProviderProcess]:
    options = ("--model", "broken,fail-rate=1,fail-status=500", "--models", "small")
    server = MockProviderProcess("alpha", tmp_path_factory.mktemp("alpha"), *options)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def config_toml(alpha: MockProviderProcess) -> str:
    return CONFIG.format(alpha=alpha.url, closed=free_port())


@pytest.fixture(scope="module")
def gateway(start_service: StartService, tmp_path_factory: pytest.TempPathFactory) -> ServiceProcess:
    """A gateway in which the garbage collector never runs."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "sitecustomize.py").write_text("import gc\ngc.disable()\n")
    variables = {"PYTHONPATH": str(folder), "MOCK_KEY": "mock-key-0123456789", **RELAXED_TIMEOUTS}
    variables["POINTSMAN_GATEWAY_BODY_MEMORY_MB"] = str(BODY_MEMORY_MB)
    return start_service("gateway", wait_for="/healthz", **variables)


def resident_bytes(process: ServiceProcess, field: str = "VmRSS") -> int:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(field))


def body(model: str, **fields: object) -> bytes:
    part = {"type": "text", "text": "x" * (BODY_BYTES // _PARTS)}
    messages = [{"role": "user", "content": [part]} for _ in range(_PARTS)]
    return json.dumps({"model": model, "messages": messages, **fields}).encode()


def post(gateway: ServiceProcess, raw: bytes) -> httpx.Response:
    with httpx.Client(base_url=gateway.url, timeout=60.0) as client:
        return client.post("/v1/chat/completions", content=raw, headers={"content-type": "application/json"})


def wait_until_freed(gateway: ServiceProcess, before: int) -> None:
    wait_until(
        lambda: resident_bytes(gateway) < before + ALLOWED_BYTES,
        f"{before / 1e6:.0f} MB before, {resident_bytes(gateway) / 1e6:.0f} MB after",
    )


@pytest.mark.parametrize(
    ("model", "fields", "status"),
    [
        ("alpha:broken", {}, 502),
        ("closed:m", {"stream": True}, 502),
        ("alpha:small", {"logprobs": True}, 400),
        ("alpha:small", {}, 200),
        ("no:model", {}, 404),
    ],
    ids=["failed", "not connected", "not translatable", "answered", "unknown model"],
)
def test_a_large_request_is_freed_when_it_has_ended(
    gateway: ServiceProcess, model: str, fields: dict[str, object], status: int
) -> None:
    raw = body(model, **fields)
    assert post(gateway, raw).status_code == status  # what the first one imports and loads stays
    before = resident_bytes(gateway)
    for _ in range(REQUESTS):
        answer = post(gateway, raw)
        assert answer.status_code == status, answer.text
    wait_until_freed(gateway, before)


def test_bodies_in_flight_are_bounded_together(gateway: ServiceProcess) -> None:
    before, raw = resident_bytes(gateway), body("alpha:small")
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(lambda _: post(gateway, raw), range(AT_ONCE)))
    refused = [answer for answer in answers if answer.status_code == 503]
    assert {answer.status_code for answer in answers} == {200, 503}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
    assert "body_memory_mb" in refused[0].json()["error"]["message"]
    assert resident_bytes(gateway, "VmHWM") < before + 2 * BODY_MEMORY_MB * 1_000_000
    wait_until_freed(gateway, before)
    assert post(gateway, raw).status_code == 200
