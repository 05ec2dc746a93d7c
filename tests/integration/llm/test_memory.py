"""Large chat requests that fail leave nothing in the gateway's memory, even when the garbage collector never runs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.fixtures import RELAXED_TIMEOUTS, StartService
from tests.support.mock_provider import MockProviderProcess
from tests.support.processes import ServiceProcess, free_port
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

REQUESTS = int(os.environ.get("MEMORY_REQUESTS", "8"))
"""Of each kind; one that stays takes about 190 MB."""
BODY_BYTES = 17_000_000
ALLOWED_BYTES = 150_000_000
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
    return start_service("gateway", wait_for="/healthz", **variables)


def resident_bytes(process: ServiceProcess) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))


def body(model: str, **fields: object) -> bytes:
    part = {"type": "text", "text": "x" * (BODY_BYTES // _PARTS)}
    messages = [{"role": "user", "content": [part]} for _ in range(_PARTS)]
    return json.dumps({"model": model, "messages": messages, **fields}).encode()


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
    with httpx.Client(base_url=gateway.url, timeout=60.0) as client:

        def send() -> None:
            answer = client.post("/v1/chat/completions", content=raw, headers={"content-type": "application/json"})
            assert answer.status_code == status, answer.text

        send()  # what the first one imports and loads stays
        before = resident_bytes(gateway)
        for _ in range(REQUESTS):
            send()
    wait_until(
        lambda: resident_bytes(gateway) < before + ALLOWED_BYTES,
        f"{before / 1e6:.0f} MB before, {resident_bytes(gateway) / 1e6:.0f} MB after",
    )
