from __future__ import annotations

import argparse
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pointsman.cli.errors import CommandFailed
from pointsman.cli.stack.lock import DataDirLock
from pointsman.cli.stack.stack_file import StackFile, StackProcess, write_stack_file
from pointsman.cli.target import add_target_options, find_target

CONFIG = '[gateway]\nhost = "0.0.0.0"\nport = 9000\n\n[[tier]]\nname = "SIMPLE"\n'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory, and no settings in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("POINTSMAN_DATA_DIR", "POINTSMAN_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
async def stack_on_demo(folder: Path) -> AsyncIterator[StackFile]:
    """A stack that seems to run on ./.demo."""
    (folder / ".demo").mkdir()
    lock = await DataDirLock.acquire(folder / ".demo")

    def process(url: str) -> list[StackProcess]:
        return [StackProcess(pid=os.getpid(), url=url)]

    content = StackFile(gateway=process("http://g:1"), nats=process("nats://n:2"), store=process("redis://s:3/0"))
    write_stack_file(folder / ".demo", content)
    yield content
    lock.release()


def test_a_running_stack_is_found_without_being_named(stack_on_demo: StackFile) -> None:
    target = find_target(_options())

    assert (target.gateway_url, target.nats.url, target.redis.url) == ("http://g:1", "nats://n:2", "redis://s:3/0")
    assert target.stack == stack_on_demo
    assert target.origin == "the stack on .demo"


def test_a_url_goes_before_a_stack(stack_on_demo: StackFile) -> None:
    assert find_target(_options("--url", "http://edge:80/")).gateway_url == "http://edge:80"


def test_a_named_directory_without_a_stack_is_an_error(stack_on_demo: StackFile) -> None:
    with pytest.raises(CommandFailed, match="no stack runs on other"):
        find_target(_options("--data-dir", "other"))


def test_without_a_stack_the_configurations_addresses_are_used(folder: Path) -> None:
    (folder / "pointsman.toml").write_text(CONFIG, encoding="utf-8")

    target = find_target(_options())

    assert target.gateway_url == "http://127.0.0.1:9000"
    assert target.nats.url == "nats://127.0.0.1:4222"
    assert target.stack is None


def test_without_anything_the_defaults_are_used() -> None:
    assert find_target(_options()).gateway_url == "http://127.0.0.1:8080"


def _options(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_target_options(parser)
    return parser.parse_args(arguments)
