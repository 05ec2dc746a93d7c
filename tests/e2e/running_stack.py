"""``pointsman up`` as a user starts it, in a folder of its own."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

CONFIG = """
[context]
dim = 3

[[tier]]
name = "SIMPLE"
arms = ["ollama:llama3.2", "openai:gpt-4o-mini"]

[[shadow]]
name = "cheapest"
algorithm = "cheapest"
"""
POINTSMAN = Path(sys.executable).parent / "pointsman"
WITHIN_S = 30.0


class RunningStack:
    """A stack with its data, configuration and output in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "pointsman.toml").write_text(CONFIG, encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def output(self) -> str:
        return (self.folder / "up.log").read_text(encoding="utf-8")

    @property
    def pids(self) -> list[int]:
        return [process["pid"] for processes in self.file().values() for process in processes]

    def start(self, *arguments: str, wait_for: str = "Pointsman is ready") -> None:
        """Start, and wait for a text in its output."""
        with (self.folder / "up.log").open("wb") as log:
            self._process = subprocess.Popen(
                [POINTSMAN, "up", *arguments], cwd=self.folder, env=environment(), stdout=log, stderr=log
            )
        self.until(lambda: wait_for in self.output, wait_for)

    def interrupt(self) -> int:
        """Press Ctrl-C, as a terminal does; return the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        code = self._process.wait(WITHIN_S)
        self._process = None
        return code

    def end(self) -> None:
        """End what a test left running."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(WITHIN_S)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another ``pointsman`` command in the folder, to its end."""
        return subprocess.run(
            [POINTSMAN, *arguments],
            cwd=self.folder,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=WITHIN_S,
        )

    def file(self) -> dict[str, Any]:
        """Return the content of ``stack.json``."""
        content: dict[str, Any] = json.loads((self.folder / "data" / "stack.json").read_text(encoding="utf-8"))
        return content

    def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait for a condition, for as long as the stack runs."""
        deadline = time.monotonic() + WITHIN_S
        while not true():
            assert self._process is not None and self._process.poll() is None, f"the stack ended:\n{self.output}"
            assert time.monotonic() < deadline, f"not within {WITHIN_S} s: {what}\n{self.output}"
            time.sleep(0.05)

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Send a request to the gateway; return status and body, 0 when there is no answer."""
        parts = urlsplit(self.file()["gateway"][0]["url"])
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=5.0)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException):
            return 0, None
        finally:
            connection.close()

    def ready(self) -> bool:
        """Return whether the gateway and all services are ready."""
        return self.call("GET", "/readyz")[0] == 200

    def decide_and_learn(self) -> None:
        """Request a decision, report its outcome, and wait until the reward is applied."""
        decided: list[Any] = []

        def a_policy_decided() -> bool:
            # Right after a replica or NATS came back the gateway may still have to answer without one.
            status, decision = self.call("POST", "/v1/decisions", {"tier": "SIMPLE", "context": [1.0, 0.5, 0.0]})
            assert status in (0, 200), decision
            decided[:] = [decision] if status == 200 and not decision["degraded"] else []
            return bool(decided)

        self.until(a_policy_decided, "a policy decides")
        learned = self.learned()
        outcome = {"decision_id": decided[0]["decision_id"], "quality": 80, "cost_usd": 0.001, "latency_ms": 300}
        status, reply = self.call("POST", "/v1/outcomes", outcome)
        assert (status, reply["status"]) == (202, "accepted"), reply
        self.until(lambda: self.learned() > learned, "the reward is applied")

    def learned(self) -> int:
        """Return how many outcomes the arms have learned from."""
        _, content = self.call("GET", "/v1/arms?tier=SIMPLE")
        return sum(arm["n"] for arm in content["arms"]) if content else 0


def environment() -> dict[str, str]:
    """Return the environment without anything that configures Pointsman."""
    return {name: value for name, value in os.environ.items() if not name.startswith("POINTSMAN_")}
