"""What ``pointsman doctor`` tries of the providers: every arm gets one tiny request, sent as the gateway would."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from time import perf_counter

import msgspec

from pointsman.cli.commands.findings import Finding
from pointsman.cli.devtools.init.local_servers import LOCAL, find_local
from pointsman.contracts.config import Config, tier_arms
from pointsman.contracts.config.llm import LlmConfig
from pointsman.contracts.config.providers import PROVIDER_KINDS, ProviderConfig, provider_named
from pointsman.core.bandit import Arm
from pointsman.llm.providers.failure import ProviderError
from pointsman.llm.providers.registry import Providers
from pointsman.llm.request import ChatRequest

PATIENCE_S = 30.0
AT_A_TIME = 8
MAX_TOKENS = 16
"""Of the answer: some models refuse a smaller bound."""

_TOO_LATE = {True: "try again: its model may still be loading", False: "try again later"}
"""By whether it runs here."""

_START_IT = {
    "ollama": "start it: ollama serve",
    "lmstudio": "start its server: lms server start",
    "llamacpp": "start it: llama-server -m MODEL",
    "vllm": "start it: vllm serve MODEL",
}


async def check_providers(
    config: Config, *, calls: bool = True, environ: Mapping[str, str] | None = None, patience_s: float = PATIENCE_S
) -> list[Finding]:
    """Check the provider of every arm.

    Parameters
    ----------
    calls : bool
        Send each arm a request; otherwise only see whether its provider could be asked.
    environ : mapping, optional
        Where keys are; ``os.environ`` by default.
    patience_s : float
        For one answer.

    Notes
    -----
    In a configuration without a ``[[provider]]`` and with nothing in ``[llm]`` arms may be names for ``/v1/decisions``
    alone. There, what does not work is a warning.
    """
    serious = bool(config.provider) or config.llm != LlmConfig()
    by_provider: dict[str, list[Arm]] = {section.name: [] for section in config.provider}
    for arm in dict.fromkeys(arm for tier in config.tier for arm in tier_arms(tier)):
        by_provider.setdefault(arm.provider, []).append(arm)
    providers = Providers(config.provider, environ)
    gate = asyncio.Semaphore(AT_A_TIME)
    try:
        groups = await asyncio.gather(
            *(
                _check_one(config, providers, name, arms, gate if calls else None, patience_s)
                for name, arms in by_provider.items()
            )
        )
    finally:
        await providers.close()
    return [finding._replace(serious=serious) for group in groups for finding in group]


async def _check_one(
    config: Config, providers: Providers, name: str, arms: list[Arm], gate: asyncio.Semaphore | None, patience_s: float
) -> list[Finding]:
    problems = providers.problems(name)
    if problems:
        return [Finding(f"provider {name}", False, "; ".join(problems), _remedy_of_setting(problems))]
    section = provider_named(config.provider, name)
    assert section is not None  # it has no problems
    if gate is None or not arms:
        key = f"{section.api_key_env} is set" if section.api_key_env else "without a key"
        why = "not asked" if arms else "no arm names it"
        return [Finding(f"provider {name}", True, f"{section.base_url or section.kind}, {key}; {why}")]
    return await asyncio.gather(*(_try(providers, section, arm, gate, patience_s) for arm in arms))


async def _try(
    providers: Providers, section: ProviderConfig, arm: Arm, gate: asyncio.Semaphore, patience_s: float
) -> Finding:
    body = {
        "model": arm.model,
        "messages": [{"role": "user", "content": "Say OK."}],
        section.max_tokens_field or "max_tokens": MAX_TOKENS,
    }
    request = ChatRequest(dialect="openai", body=body, raw=msgspec.json.encode(body), model=arm.model)
    subject = f"model {arm}"
    async with gate:
        began_s = perf_counter()
        try:
            async with asyncio.timeout(patience_s):
                answer = await providers.upstream(arm).open(request)
                await answer.close()
        except ProviderError as error:
            return Finding(subject, False, error.text, await _remedy(error, section, arm))
        except TimeoutError:
            late = f"{arm.provider}: no answer within {patience_s:g} s"
            return Finding(subject, False, late, _TOO_LATE[arm.provider in LOCAL])
        return Finding(subject, True, f"answers in {(perf_counter() - began_s) * 1000:.0f} ms")


def _remedy_of_setting(problems: list[str]) -> str:
    if any("environment variable" in problem for problem in problems):
        return "set it where the gateway starts, and here for the doctor"
    if any("not configured" in problem for problem in problems):
        return "add a [[provider]] with its base_url; only calls of models need it"
    return "see docs/how-to/providers.md"


async def _remedy(error: ProviderError, section: ProviderConfig, arm: Arm) -> str:
    if error.kind == "connect":
        return _remedy_of_connection(error, section)
    if error.kind == "timeout":
        return _TOO_LATE[arm.provider in LOCAL]
    if error.status == 404 or (error.status == 400 and arm.model in error.text):
        return await _remedy_of_model(section, arm)
    return _remedy_of_status(error.status or 0, section)


def _remedy_of_status(status: int, section: ProviderConfig) -> str:
    if status in (401, 403):
        if section.api_key_env:
            return f"is the key in {section.api_key_env} right, and may it use the model?"
        own = PROVIDER_KINDS[section.kind or "openai"].own_credentials
        return "may these credentials use the model?" if own else "name its key's variable: api_key_env"
    if status == 429:
        return "too many requests, or nothing left of its quota: see the provider's console"
    if status >= 500:
        return "the trouble is the provider's: try again later"
    return "see docs/how-to/providers.md for how its requests are made"


def _remedy_of_connection(error: ProviderError, section: ProviderConfig) -> str:
    if not error.retryable:
        return "is base_url right about https? SSL_CERT_FILE adds the authorities of a company's own certificates"
    if section.name in _START_IT:
        return _START_IT[section.name]
    return f"is base_url right, and can this machine reach it? {section.base_url or ''}".strip()


async def _remedy_of_model(section: ProviderConfig, arm: Arm) -> str:
    """Return what to do about a model that is not there: with those that are, where they can be listed for nothing."""
    if arm.provider in LOCAL and section.base_url:
        found = await asyncio.to_thread(find_local, {arm.provider: section.base_url})
        if arm.provider == "ollama" and arm.model not in found.get("ollama", []):
            has = f"; it has {', '.join(found['ollama'][:8])}" if found.get("ollama") else ""
            return f"ollama pull {arm.model}{has}"
        if found.get(arm.provider):
            return f"it has {', '.join(found[arm.provider][:8])}"
    return "is that the model's name there? [provider.models] says it where an arm has another; is base_url right?"
