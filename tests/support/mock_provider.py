"""The mock provider as a child process."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import httpx

from tests.support.processes import ChildProcess, free_port, http_status


class MockProviderProcess(ChildProcess):
    """``pointsman mock-provider``; it keeps its port over a restart."""

    def __init__(self, name: str, folder: Path, *options: str) -> None:
        super().__init__(name, folder)
        self._options = options
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "pointsman.cli.main", "mock-provider", "--port", str(self.port)]
        self.run([*command, *self._options])
        self.wait(lambda: http_status(self.url + "/v1/models") == 200, "/v1/models")

    def seen(self) -> list[dict[str, Any]]:
        """Return the last requests that came."""
        requests: list[dict[str, Any]] = httpx.get(self.url + "/mock/requests").json()["requests"]
        return requests
