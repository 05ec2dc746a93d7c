"""Comparison of a configuration file with the policies that are in force in a running installation."""

import asyncio
import os
from collections.abc import Iterator

import msgspec

from pointsman.cli.gateway import GatewayClient, GatewayResponse, GatewayUnavailable
from pointsman.contracts.config import Config
from pointsman.contracts.messages.policies import TierPolicies
from pointsman.contracts.messages.precedence import override_warning, stays
from pointsman.runtime.bus.policies import configured

TIMEOUT_S = 2.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}


class _RunningTier(TierPolicies, frozen=True, kw_only=True):
    tier: str


class _Running(msgspec.Struct, frozen=True):
    policies: list[_RunningTier]


def compare_with_running(config: Config) -> Iterator[str]:
    """Yield which policies are in force at the gateway of a configuration, where they are not those of the file."""
    gateway = config.gateway
    url = f"{gateway.scheme}://{_EVERYWHERE.get(gateway.host, gateway.host)}:{gateway.port}"
    try:
        response = asyncio.run(_get_policies(url))
    except (GatewayUnavailable, ValueError):
        yield f"The policies in force are unknown: no gateway responds at {url}."
        return
    if not response.ok:
        yield f"The policies in force are unknown: {url} answers {response.problem()}"
        return
    try:
        running = {view.tier: view for view in msgspec.json.decode(response.body, type=_Running).policies}
    except msgspec.MsgspecError:
        yield f"The policies in force are unknown: {url} is not a gateway of Pointsman."
        return
    different = False
    for tier in config.tier:
        file, current = configured(config, tier), running.get(tier.name)
        if current is None:
            different = True
            yield f"warning: tier {tier.name}: the running gateway does not have it yet"
        elif warning := override_warning(tier.name, current, file):
            different = True
            if stays(current, file.configured):
                yield f"warning: tier {tier.name}: {warning}"
            else:
                change = warning.partition(". `")[0]
                yield f"warning: tier {tier.name}: {change}. The file applies when the gateway restarts with it"
    if not different:
        yield f"These policies are in force at {url}."


async def _get_policies(url: str) -> GatewayResponse:
    async with GatewayClient(url, TIMEOUT_S, os.environ.get("POINTSMAN_API_KEY")) as gateway:
        return await gateway.get("/v1/policies")
