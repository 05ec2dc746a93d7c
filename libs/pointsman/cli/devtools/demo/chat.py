"""The demo's second part: the gateway calls models itself, measures what they answer, and learns without being told."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from statistics import median
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table

from pointsman.cli.devtools.demo.chat_client import Answer, ChatClient
from pointsman.cli.devtools.demo.runner import DemoFailed

REQUESTS = 900
TIERS = ("SIMPLE", "COMPLEX", "SHAKY")
QUESTION = "Explain step by step why points must be locked before a train passes, and prove that nothing else is safe."
SLOWLY = " [mock first-byte-ms=300 latency-ms=1800 words=40 bad=no]"
"""Asks the mock model to take its time and to answer well, so that a person sees it stream."""
PATIENCE_S = 20.0
_SHOWN = ("decision-id", "tier", "auto-score", "provider", "model", "policy", "propensity", "reason", "attempts")


class ChatDemo:
    """The part as a whole.

    Parameters
    ----------
    console : Console
    chat : ChatClient
    prompts : sequence of str
        Real ones.
    in_flight : int
    """

    def __init__(self, console: Console, chat: ChatClient, prompts: Sequence[str], in_flight: int) -> None:
        self._console = console
        self._chat = chat
        self._prompts = prompts
        self._in_flight = in_flight
        self._say = partial(console.print, highlight=False, markup=False, soft_wrap=True)
        self._learned_from = 0

    async def run(self) -> None:
        """Run it.

        Raises
        ------
        DemoFailed
        """
        before = await self._arms()
        first = await self._show_stream()
        await self._show_conversation(first)
        await self._show_fallback()
        await self._show_feedback(first)
        answers = await self._route()
        await self._show_learned(before, answers)

    async def _show_stream(self) -> Answer:
        self._say(f'\nA chat request with the model auto, streamed: "{QUESTION}"')
        first, pieces = Answer({}, ""), []
        async for part in self._chat.stream("auto", [{"role": "user", "content": QUESTION + SLOWLY}]):
            if isinstance(part, Answer):
                first = part
                self._say("\n".join(f"  x-pointsman-{name}: {part.told[name]}" for name in _SHOWN if name in part.told))
                self._console.print("  ", end="")
            else:
                pieces.append(part)
                self._console.print(part, end="", highlight=False, markup=False, soft_wrap=True)
        self._console.print()
        self._learned_from += 1
        return first._replace(text="".join(pieces))

    async def _show_conversation(self, first: Answer) -> None:
        """Send the next turn, which stays with the model for the sake of its prompt cache."""
        turns = [
            {"role": "user", "content": QUESTION + SLOWLY},
            {"role": "assistant", "content": first.text},
            {"role": "user", "content": "And what does the signalman see of it? [mock bad=no]"},
        ]
        second = await self._chat.ask("auto", turns)
        self._learned_from += 1
        self._say(f"The next turn of this conversation: {second.arm}, reason {second.told['reason']}.")

    async def _show_fallback(self) -> None:
        answer = await self._chat.ask("tier/SHAKY", [{"role": "user", "content": "Is the line clear? [mock bad=no]"}])
        self._learned_from += 1
        self._say(
            f"A tier whose chosen model is down: {answer.arm} served, reason {answer.told['reason']}, "
            f"{answer.told['attempts']} attempts. The outcome of the choice counts: quality 0 for shaky:down."
        )

    async def _show_feedback(self, first: Answer) -> None:
        report = {"decision_id": first.told["decision-id"], "thumbs": "down"}
        accepted = await self._chat.call("POST", "/v1/feedback", report)
        self._say(f"Thumbs down for the streamed answer: {accepted['status']}, quality {accepted['quality']:g}.")

    async def _route(self) -> list[Answer]:
        self._say(f"Routing {len(self._prompts):,} real prompts with the model auto, {self._in_flight} at a time …")
        answers: list[Answer] = []
        waiting = iter(self._prompts)
        began_s = time.perf_counter()
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(self._in_flight):
                    workers.create_task(self._work(waiting, answers))
        except ExceptionGroup as failures:
            raise (failures.subgroup(DemoFailed) or failures).exceptions[0] from None
        self._learned_from += len(answers)
        per_s = len(answers) / (time.perf_counter() - began_s)
        added_ms = median(float(answer.told["overhead-ms"]) for answer in answers)
        self._say(f"{per_s:,.0f} answers per second; the gateway adds {added_ms:.1f} ms to each (median).")
        return answers

    async def _work(self, waiting: Iterator[str], answers: list[Answer]) -> None:
        for prompt in waiting:
            answer = await self._chat.ask("auto", [{"role": "user", "content": prompt}])
            answers.append(answer)

    async def _show_learned(self, before: dict[str, dict[str, Any]], answers: list[Answer]) -> None:
        after = await self._wait_learned(before)
        half = len(answers) // 2
        early = Counter((answer.told["tier"], answer.arm) for answer in answers[:half])
        late = Counter((answer.told["tier"], answer.arm) for answer in answers[half:])
        columns = [
            Column(name, justify="right") for name in ("n before", "n now", "mean reward", "first ½", "second ½")
        ]
        table = Table("tier", "arm", *columns, box=SIMPLE_HEAD, pad_edge=False)
        for name, arm in after.items():
            tier, served = name.split(" ")
            mean = "" if arm["mean_reward"] is None else f"{100 * arm['mean_reward']:.1f}"
            shares = [_share(counts, tier, served) for counts in (early, late)]
            table.add_row(tier, served, str(before.get(name, {}).get("n", 0)), str(arm["n"]), mean, *shares)
        self._console.print(table)
        self._say(
            "Nobody reported an outcome: the gateway measured latency, tokens, cost and quality. The mean reward is "
            "0 to 100; first and second ½: who served, by tier."
        )

    async def _wait_learned(self, before: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Wait until every answer counts; those of a tier with ``reward_wait_s`` wait for feedback first."""
        wanted = sum(arm["n"] for arm in before.values()) + self._learned_from
        deadline_s = time.monotonic() + PATIENCE_S
        while True:
            arms = await self._arms()
            if sum(arm["n"] for arm in arms.values()) >= wanted or time.monotonic() > deadline_s:
                return arms
            await asyncio.sleep(0.1)

    async def _arms(self) -> dict[str, dict[str, Any]]:
        listed = [arm for tier in TIERS for arm in (await self._chat.call("GET", f"/v1/arms?tier={tier}"))["arms"]]
        return {f"{arm['tier']} {arm['provider']}:{arm['model']}": arm for arm in listed}


def _share(counts: Counter[tuple[str, str]], tier: str, arm: str) -> str:
    total = sum(count for (of, _), count in counts.items() if of == tier)
    return f"{counts[tier, arm] / total:.0%}" if total else ""
