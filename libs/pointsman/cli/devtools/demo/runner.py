"""The demo's traffic: for each prompt one decision and one outcome over HTTP, several at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import msgspec

from pointsman.cli.devtools.demo.data import Prompts
from pointsman.cli.devtools.demo.tally import Tally
from pointsman.cli.http import GatewayClient, GatewayUnreachable, Reply
from pointsman.core.features import prompt_features

ATTEMPTS = 20
PAUSE_S = 0.25


class DemoFailed(Exception):
    """The gateway refused a request of the demo, or could not be reached for too long."""


class _Chosen(msgspec.Struct, frozen=True):
    decision_id: str
    provider: str
    model: str
    degraded: bool


_chosen_decoder = msgspec.json.Decoder(_Chosen)


class Traffic:
    """Routes prompts through a gateway.

    Parameters
    ----------
    gateway : GatewayClient
    tier : str
    prompts : Prompts
        In the order in which they are sent.
    tally : Tally
        Gets every request when it was served.
    """

    def __init__(self, gateway: GatewayClient, tier: str, prompts: Prompts, tally: Tally) -> None:
        self._gateway = gateway
        self._tier = tier
        self._prompts = prompts
        self._tally = tally
        self._index: dict[tuple[str, str], int] = {arm: at for at, arm in enumerate(prompts.arms)}
        self._started_s = 0.0

    async def run(self, in_flight: int) -> None:
        """Send everything, at most ``in_flight`` requests at a time.

        Raises
        ------
        DemoFailed
        """
        self._started_s = time.perf_counter()
        waiting = iter(range(len(self._prompts)))
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(in_flight):
                    workers.create_task(self._work(waiting))
        except ExceptionGroup as failures:
            # Not `except*`: what is raised out of that is wrapped into another group.
            raise (failures.subgroup(DemoFailed) or failures).exceptions[0] from None

    async def _work(self, waiting: Iterator[int]) -> None:
        for at in waiting:
            await self._route(at)

    async def _route(self, at: int) -> None:
        context = prompt_features(self._prompts.texts[at])
        reply = await self._send("/v1/decisions", {"tier": self._tier, "context": context})
        chosen = _chosen_decoder.decode(reply.body)
        arm = self._index[chosen.provider, chosen.model]
        self._tally.add(at, arm, degraded=chosen.degraded)
        self._tally.elapsed_s = time.perf_counter() - self._started_s
        outcome = {
            "decision_id": chosen.decision_id,
            "quality": float(self._prompts.quality[at, arm]),
            "cost_usd": float(self._prompts.cost_usd[at, arm]),
        }
        await self._send("/v1/outcomes", outcome)

    async def _send(self, path: str, body: dict[str, object]) -> Reply:
        """Send until it is accepted.

        Sending again is safe: a decision without an outcome teaches nothing, and an outcome counts once.
        """
        trouble = ""
        for _ in range(ATTEMPTS):
            try:
                reply = await self._gateway.post(path, body)
            except GatewayUnreachable as error:
                trouble = str(error)
            else:
                if reply.ok:
                    return reply
                trouble = f"POST {path}: {reply.problem()}"
                if reply.status < 500:
                    break
            await asyncio.sleep(PAUSE_S)
        raise DemoFailed(trouble)
