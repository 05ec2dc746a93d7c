"""Second part of the demo: the gateway calls models itself, measures their answers, and learns without reports."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from statistics import median
from typing import Any, NamedTuple

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table

from pointsman.cli.devtools.concurrency import for_each
from pointsman.cli.devtools.demo.traffic import DemoFailed
from pointsman.cli.gateway import GatewayClient, GatewayResponse
from pointsman.llm.providers.dialects.sse import EventSplitter, event_data

CHAT_REQUESTS = 900
CHAT_TIMEOUT_S = 30.0
LEARN_TIMEOUT_S = 20.0
CHAT_PATH = "/v1/chat/completions"
TIERS = ("SIMPLE", "COMPLEX", "SHAKY")
QUESTION = "Explain step by step why points must be locked before a train passes, and prove that nothing else is safe."
SLOWLY = " [mock first-byte-ms=300 latency-ms=1800 words=40 bad=no]"
"""Makes the mock model answer well and slowly, so that the stream is visible."""
_HEADER_PREFIX = "x-pointsman-"
_SHOWN = ("decision-id", "tier", "auto-score", "provider", "model", "policy", "propensity", "reason", "attempts")


class ChatAnswer(NamedTuple):
    """A complete answer.

    Attributes
    ----------
    headers: Headers of the gateway without their prefix.
    """

    headers: Mapping[str, str]
    text: str

    @property
    def arm(self) -> str:
        """The arm that served it."""
        return f"{self.headers['provider']}:{self.headers['model']}"


class ChatDemo:
    """The second part of the demo."""

    def __init__(self, console: Console, gateway: GatewayClient, prompts: Sequence[str], in_flight: int) -> None:
        self._console = console
        self._gateway = gateway
        self._prompts = prompts
        self._in_flight = in_flight
        self._print = partial(console.print, highlight=False, markup=False, soft_wrap=True)
        self._outcomes = 0

    async def run(self) -> None:
        """Run all steps. Raise `DemoFailed` or `GatewayUnavailable` on failure."""
        before = await self._read_arms()
        first = await self._show_stream()
        await self._show_conversation(first)
        await self._show_fallback()
        await self._show_feedback(first)
        answers = await self._route()
        await self._show_learned(before, answers)

    async def _show_stream(self) -> ChatAnswer:
        self._print(f'\nA chat request with the model auto, streamed: "{QUESTION}"')
        body = {"model": "auto", "messages": [{"role": "user", "content": QUESTION + SLOWLY}], "stream": True}
        pieces = []
        async with self._gateway.stream(CHAT_PATH, body) as response:
            if response.status != 200:
                raise DemoFailed(
                    f"POST {CHAT_PATH}: {GatewayResponse(response.status, {}, await response.read()).problem()}"
                )
            headers = _gateway_headers(response.headers)
            self._print("\n".join(f"  x-pointsman-{name}: {headers[name]}" for name in _SHOWN if name in headers))
            self._console.print("  ", end="")
            async for piece in _text_pieces(response.read_chunk):
                pieces.append(piece)
                self._console.print(piece, end="", highlight=False, markup=False, soft_wrap=True)
        self._console.print()
        self._outcomes += 1
        return ChatAnswer(headers, "".join(pieces))

    async def _show_conversation(self, first: ChatAnswer) -> None:
        """Send the next turn, which stays with the same model because of its prompt cache."""
        turns = [
            {"role": "user", "content": QUESTION + SLOWLY},
            {"role": "assistant", "content": first.text},
            {"role": "user", "content": "And what does the signalman see of it? [mock bad=no]"},
        ]
        second = await self._ask("auto", turns)
        self._print(f"The next turn of this conversation: {second.arm}, reason {second.headers['reason']}.")

    async def _show_fallback(self) -> None:
        answer = await self._ask("tier/SHAKY", [{"role": "user", "content": "Is the line clear? [mock bad=no]"}])
        self._print(
            f"A tier whose chosen model is down: {answer.arm} served, reason {answer.headers['reason']}, "
            f"{answer.headers['attempts']} attempts. The outcome of the choice counts: quality 0 for shaky:down."
        )

    async def _show_feedback(self, first: ChatAnswer) -> None:
        report = {"decision_id": first.headers["decision-id"], "thumbs": "down"}
        accepted = _checked(await self._gateway.post("/v1/feedback", report), "/v1/feedback").json()
        self._print(f"Thumbs down for the streamed answer: {accepted['status']}, quality {accepted['quality']:g}.")

    async def _route(self) -> list[ChatAnswer]:
        self._print(f"Routing {len(self._prompts):,} real prompts with the model auto, {self._in_flight} at a time …")
        answers: list[ChatAnswer] = []

        async def route(prompt: str) -> None:
            answers.append(await self._ask("auto", [{"role": "user", "content": prompt}]))

        started_s = time.perf_counter()
        await for_each(self._prompts, route, self._in_flight)
        per_s = len(answers) / (time.perf_counter() - started_s)
        added_ms = median(float(answer.headers["overhead-ms"]) for answer in answers)
        self._print(f"{per_s:,.0f} answers per second; the gateway adds {added_ms:.1f} ms to each (median).")
        return answers

    async def _show_learned(self, before: dict[str, dict[str, Any]], answers: list[ChatAnswer]) -> None:
        after = await self._wait_learned(before)
        half = len(answers) // 2
        early = Counter((answer.headers["tier"], answer.arm) for answer in answers[:half])
        late = Counter((answer.headers["tier"], answer.arm) for answer in answers[half:])
        names = ("n before", "n now", "mean reward", "first ½", "second ½")
        columns = [Column(name, justify="right") for name in names]
        table = Table("tier", "arm", *columns, box=SIMPLE_HEAD, pad_edge=False)
        for name, arm in after.items():
            tier, served = name.split(" ")
            mean = "" if arm["mean_reward"] is None else f"{100 * arm['mean_reward']:.1f}"
            shares = [_share(counts, tier, served) for counts in (early, late)]
            table.add_row(tier, served, str(before.get(name, {}).get("n", 0)), str(arm["n"]), mean, *shares)
        self._console.print(table)
        self._print(
            "No outcome was reported: the gateway measured latency, tokens, cost and quality. The mean reward is 0 to "
            "100; first and second ½: share of each arm, by tier."
        )

    async def _wait_learned(self, before: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Wait until every answer is learned; in a tier with ``reward_wait_s`` it waits for feedback first."""
        wanted = sum(arm["n"] for arm in before.values()) + self._outcomes
        deadline_s = time.monotonic() + LEARN_TIMEOUT_S
        while True:
            arms = await self._read_arms()
            if sum(arm["n"] for arm in arms.values()) >= wanted or time.monotonic() > deadline_s:
                return arms
            await asyncio.sleep(0.1)

    async def _read_arms(self) -> dict[str, dict[str, Any]]:
        paths = [f"/v1/arms?tier={tier}" for tier in TIERS]
        arms = [arm for path in paths for arm in _checked(await self._gateway.get(path), path).json()["arms"]]
        return {f"{arm['tier']} {arm['provider']}:{arm['model']}": arm for arm in arms}

    async def _ask(self, model: str, messages: list[dict[str, str]]) -> ChatAnswer:
        response = await self._gateway.post(CHAT_PATH, {"model": model, "messages": messages})
        message = _checked(response, CHAT_PATH).json()["choices"][0]["message"]
        self._outcomes += 1
        return ChatAnswer(_gateway_headers(response.headers), message.get("content") or "")


def _checked(response: GatewayResponse, path: str) -> GatewayResponse:
    if not response.ok:
        raise DemoFailed(f"{path}: {response.problem()}")
    return response


async def _text_pieces(read_chunk: Any) -> AsyncIterator[str]:
    """Yield the pieces of text of a streamed chat completion."""
    splitter = EventSplitter()
    while chunk := await read_chunk():
        for event in splitter.feed(chunk):
            data = event_data(event)
            if data is not None and data != b"[DONE]":
                for choice in msgspec.json.decode(data)["choices"]:
                    yield choice["delta"].get("content") or ""


def _gateway_headers(headers: Mapping[str, str]) -> dict[str, str]:
    lower = ((name.lower(), value) for name, value in headers.items())
    return {name.removeprefix(_HEADER_PREFIX): value for name, value in lower if name.startswith(_HEADER_PREFIX)}


def _share(counts: Counter[tuple[str, str]], tier: str, arm: str) -> str:
    total = sum(count for (of, _), count in counts.items() if of == tier)
    return f"{counts[tier, arm] / total:.0%}" if total else ""
