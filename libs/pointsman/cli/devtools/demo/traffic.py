"""First part of the demo: one decision and one outcome per prompt over HTTP, several at a time."""

import asyncio
import time

from pointsman.cli.devtools.concurrency import for_each
from pointsman.cli.devtools.demo.data import Prompts
from pointsman.cli.devtools.demo.tally import Tally
from pointsman.cli.gateway import GatewayClient, GatewayResponse, GatewayUnavailable
from pointsman.contracts.messages.decision import decision_decoder
from pointsman.core.features import NAMES, PROMPT, make_extractor, prompt_features

METADATA = {"features": make_extractor(PROMPT, len(NAMES)).label}
"""The log has the origin of the contexts, so that a dry run of a text computes the same features."""
MAX_ATTEMPTS = 20
RETRY_INTERVAL_S = 0.25


class DemoFailed(Exception):
    """The gateway refused a request of the demo, or was unavailable for too long."""


class Traffic:
    """Routes prompts through a gateway."""

    def __init__(self, gateway: GatewayClient, tier: str, prompts: Prompts, tally: Tally) -> None:
        self._gateway = gateway
        self._tier = tier
        self._prompts = prompts
        self._tally = tally
        self._index: dict[tuple[str, str], int] = {arm: at for at, arm in enumerate(prompts.arms)}
        self._started_s = 0.0

    async def run(self, in_flight: int) -> None:
        """Send all prompts, at most ``in_flight`` at a time. Raise `DemoFailed` on failure."""
        self._started_s = time.perf_counter()
        await for_each(range(len(self._prompts)), self._route, in_flight)

    async def _route(self, at: int) -> None:
        context = prompt_features(self._prompts.texts[at])
        response = await self._send("/v1/decisions", {"tier": self._tier, "context": context, "metadata": METADATA})
        decision = decision_decoder.decode(response.body)
        arm = self._index[decision.provider, decision.model]
        self._tally.add(at, arm, degraded=decision.degraded)
        self._tally.elapsed_s = time.perf_counter() - self._started_s
        outcome = {
            "decision_id": decision.decision_id,
            "quality": float(self._prompts.quality[at, arm]),
            "cost_usd": float(self._prompts.cost_usd[at, arm]),
        }
        await self._send("/v1/outcomes", outcome)

    async def _send(self, path: str, body: dict[str, object]) -> GatewayResponse:
        """Send until it is accepted.

        Repeating is safe: a decision without an outcome has no effect, and an outcome counts once.
        """
        problem = ""
        for _ in range(MAX_ATTEMPTS):
            try:
                response = await self._gateway.post(path, body)
            except GatewayUnavailable as error:
                problem = str(error)
            else:
                if response.ok:
                    return response
                problem = f"POST {path}: {response.problem()}"
                if response.status < 500:
                    break
            await asyncio.sleep(RETRY_INTERVAL_S)
        raise DemoFailed(problem)
