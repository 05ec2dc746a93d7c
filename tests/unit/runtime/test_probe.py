"""The probes of the services, and which host names they answer."""

from __future__ import annotations

import httpx
import pytest

from pointsman.runtime.probe import Probe

REBOUND = {"host": "rebound.example:9090"}


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_a_web_page_that_uses_dns_rebinding_cannot_read_a_probe_on_loopback(path: str) -> None:
    probe = Probe("127.0.0.1", 0, lambda: {"nats": "ok"})
    await probe.start()
    try:
        async with httpx.AsyncClient(base_url=probe.url) as client:
            assert (await client.get(path, headers=REBOUND)).status_code == 421
            for host in ("localhost:9090", "[::1]", "decision", "10.0.0.7:9090"):
                assert (await client.get(path, headers={"host": host})).status_code == 200
    finally:
        await probe.stop()
