"""The commands and programs of the README and the tutorials, run in order against a stack started as the page shows."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.doc_blocks import Block, Command, Matcher, read_blocks
from tests.e2e.running_stack import POINTSMAN, environment
from tests.support.fixtures import RELAXED_TIMEOUTS
from tests.support.processes import free_port
from tests.support.repository import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

PAGES = [
    ROOT / "README.md",
    *(ROOT / "docs" / "tutorials" / f"{name}.md" for name in ("quickstart", "own-gateway", "first-shadow")),
]
TIMEOUT_S = 60.0
PROVIDERS = """
[[provider]]
name = "ollama"
base_url = "http://127.0.0.1:9100/v1"

[[provider]]
name = "openai"
base_url = "http://127.0.0.1:9100/v1"
"""
"""Serve the arms of the shipped configuration from a mock provider: the tests reach no real model."""


class Reader:
    """A reader who follows a page in a folder, with ports of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ports = {"localhost:8080": free_port(), "127.0.0.1:9100": free_port()}
        self._matcher = Matcher()
        self._servers: list[subprocess.Popen[bytes]] = []
        self._write("pointsman.toml", (ROOT / "pointsman.toml").read_text(encoding="utf-8") + PROVIDERS)

    def follow(self, blocks: list[Block]) -> None:
        """Save the files of a page, run its commands and programs, and compare their outputs."""
        if any("import OpenAI" in block.text for block in blocks) and not any(
            "mock-" in block.text for block in blocks
        ):
            self._run(Command("pointsman mock-provider"))
        for block in blocks:
            if block.reason:
                continue
            if block.file_name or block.language == "python":
                self._write(block.file_name or "snippet.py", block.text)
            if block.language == "python":
                self._run(Command(f"python3 {block.file_name or 'snippet.py'}", block.output))
            elif block.language == "console":
                for command in block.commands:
                    self._run(command)

    def stop(self) -> None:
        """Stop the servers."""
        for server in reversed(self._servers):
            server.terminate()
        for server in self._servers:
            server.wait(TIMEOUT_S)

    def _write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(self._with_own_ports(text), encoding="utf-8")

    def _with_own_ports(self, text: str) -> str:
        for address, port in self._ports.items():
            text = text.replace(address, f"127.0.0.1:{port}")
        return text

    def _run(self, command: Command) -> None:
        words = command.line.split()
        if words[0] == "make":
            recipe = subprocess.run(
                ["make", "-n", words[1]], cwd=ROOT, capture_output=True, text=True, check=True
            ).stdout
            if words[1] != "up":  # make setup: the tests run in the environment that it makes
                return
            assert "pointsman up" in recipe
            words = ["pointsman", "up"]
        if words[0] == ".venv/bin/pointsman":
            words[0] = "pointsman"
        changes_something = {"-d", "-X", "promote", "revert"} & set(words) or words[0] == "python3"
        line = self._as_run_here(" ".join(words) if words[0] == "pointsman" else command.line)
        if words[1] == "up":
            self._serve(line, command.output, "localhost:8080")
        elif words[1] == "mock-provider":
            self._serve(line, command.output, "127.0.0.1:9100")
        elif words[1] == "tail" or "-sN" in words:
            self._watch(line, command.output)
        else:
            self._finish(line, command.output, repeat=not changes_something)

    def _as_run_here(self, line: str) -> str:
        """Return a command with the ports, programs and decision ids of this test."""
        program, _, arguments = self._matcher.with_real_ids(self._with_own_ports(line)).partition(" ")
        programs = {"pointsman": str(POINTSMAN), "python3": sys.executable}
        return f"{programs.get(program, program)} {arguments}"

    def _serve(self, line: str, expected: str, address: str) -> None:
        """Start a server on its port of this test, and wait until it has printed what the page shows, or listens."""
        port = self._ports[address]
        server, output = self._start(f"{line} --port {port}")
        self._servers.append(server)

        def is_ready() -> bool:
            assert server.poll() is None, output()
            return self._matcher.matches(expected, output()) if expected else _accepts(port)

        _wait(is_ready, lambda: f"$ {line}\n{output()}\n--- expected:\n{expected}")

    def _watch(self, line: str, expected: str) -> None:
        """Run a command that goes on until Ctrl-C, and make decisions for it to show."""
        follower, output = self._start(line)

        def has_shown() -> bool:
            self._decide()
            return self._matcher.matches(expected, output())

        try:
            _wait(has_shown, lambda: f"$ {line}\n{output()}\n--- expected:\n{expected}")
        finally:
            follower.terminate()
            follower.wait(TIMEOUT_S)

    def _finish(self, line: str, expected: str, *, repeat: bool) -> None:
        """Run a command to its end; one that only reads is repeated until the services have caught up."""
        shown = ""

        def is_as_shown() -> bool:
            nonlocal shown
            done = subprocess.run(
                line, shell=True, cwd=self.folder, env=self._environment(), capture_output=True, text=True, check=False,
                timeout=TIMEOUT_S,
            )  # fmt: skip
            shown = done.stdout + done.stderr
            as_shown = done.returncode == 0 and (not expected or self._matcher.matches(expected, done.stdout))
            assert as_shown or repeat, f"$ {line}\n{shown}\n--- expected:\n{expected}"
            return as_shown

        _wait(is_as_shown, lambda: f"$ {line}\n{shown}\n--- expected:\n{expected}")

    def _start(self, line: str) -> tuple[subprocess.Popen[bytes], Callable[[], str]]:
        log = self.folder / f"output-{len(list(self.folder.glob('output-*')))}.log"
        with log.open("wb") as out, log.with_suffix(".err").open("wb") as err:
            process = subprocess.Popen(
                f"exec {line}", shell=True, cwd=self.folder, env=self._environment(), stdout=out, stderr=err
            )
        return process, lambda: log.read_text(encoding="utf-8")

    def _environment(self) -> dict[str, str]:
        return environment() | RELAXED_TIMEOUTS | {"PYTHONUNBUFFERED": "1"}

    def _decide(self) -> None:
        body = json.dumps({"tier": "SIMPLE", "context": [1.0] + [0.5] * 11}).encode()
        port = self._ports["localhost:8080"]
        urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/decisions", body, timeout=TIMEOUT_S).close()


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True


def _wait(condition: Callable[[], bool], failure: Callable[[], str]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, failure()
        time.sleep(0.1)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_blocks_of_the_page_do_what_it_shows(page: Path, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    reader = Reader(tmp_path)
    try:
        reader.follow(read_blocks(page.read_text(encoding="utf-8")))
    finally:
        reader.stop()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_has_blocks_that_run(page: Path) -> None:
    blocks = read_blocks(page.read_text(encoding="utf-8"))
    assert sum(block.language == "console" and not block.reason for block in blocks) >= 4


def test_output_matches_with_ellipses_and_decision_ids() -> None:
    matcher = Matcher()
    page, real = "A.1000000000000001.00000000000000aa", "A.2000000000000002.00000000000000bb"
    assert matcher.matches(
        f'{{"id":"{page}",\n "p":0.9…,"again":"{page}"}}', f'{{"id":"{real}","p":0.975,"again":"{real}"}}'
    )
    assert matcher.with_real_ids(f"curl /v1/decisions/{page}") == f"curl /v1/decisions/{real}"
    assert not matcher.matches(page, "A.3000000000000003.00000000000000cc")
    assert not matcher.matches('{"p":0.8…}', '{"p":0.975}')


def test_block_with_a_reason_is_not_run() -> None:
    page = (
        "<!-- not run: needs Docker -->\n```console\n$ a 'b\nc'\nout\n$ d\n```\n```python\nx\n```\n\n```\nshown\n```\n"
    )
    console, python = read_blocks(page)
    assert (console.reason, python.reason, python.output) == ("needs Docker", "", "shown\n")
    assert console.commands == [Command("a 'b\nc'", "out\n"), Command("d")]
