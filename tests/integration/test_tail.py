"""``pointsman tail`` prints one safe line for each message, whatever was published."""

from __future__ import annotations

import asyncio

import pytest

from pointsman.cli.main import main
from pointsman.runtime.bus import Bus

pytestmark = pytest.mark.integration


async def test_a_message_is_one_line_without_control_characters(
    bus: Bus, nats_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["tail", "--nats", nats_url, "--count", "1", "tailed.>"]
    tail = asyncio.create_task(asyncio.to_thread(main, command))
    while not tail.done():  # it may not have subscribed yet
        await bus.nats.publish("tailed.x", '{"why": "\x1b[2J\u202e",\n"fake": 1}\n\x9bm'.encode())
        await asyncio.sleep(0.05)
    assert tail.result() == 0
    assert capsys.readouterr().out == 'tailed.x {"why": "\\u001b[2J\\u202e", "fake": 1} \\u009bm\n'
