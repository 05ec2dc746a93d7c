"""Check of the providers: each arm gets one tiny request, sent as the gateway would send it."""

import asyncio
from collections.abc import Mapping
from time import perf_counter
from urllib.parse import urlsplit

import msgspec

from pointsman.cli.commands.doctor.finding import Finding
from pointsman.cli.devtools.init.local_servers import LOCAL, find_local_models
from pointsman.contracts.access.host_names import is_loopback
from pointsman.contracts.config import Config, tier_arms
from pointsman.contracts.config.llm import LlmConfig
from pointsman.contracts.config.providers import PROVIDER_KINDS, ProviderConfig, provider_named
from pointsman.core.bandit import Arm
from pointsman.llm.effort import split_effort
from pointsman.llm.providers.failure import ProviderError
from pointsman.llm.providers.registry import Providers
from pointsman.llm.request import ChatRequest

REQUEST_TIMEOUT_S = 30.0
MAX_CONCURRENT = 8
MAX_TOKENS = 16
"""Bound on the answer; some models refuse a smaller one."""

_START_COMMANDS = {
    "ollama": "start it: ollama serve",
    "lmstudio": "start its server: lms server start",
    "llamacpp": "start it: llama-server -m MODEL",
    "vllm": "start it: vllm serve MODEL",
}


async def check_providers(
    config: Config,
    *,
    calls: bool = True,
    environ: Mapping[str, str] | None = None,
    timeout_s: float = REQUEST_TIMEOUT_S,
) -> list[Finding]:
    """Check the provider of every arm.

    Parameters
    ----------
    calls : bool
        Send each arm a request; otherwise check only the settings of its provider.
    environ : mapping, optional
        Source of API keys; ``os.environ`` by default.
    timeout_s : float
        Bound on one response.

    Notes
    -----
    Without ``[[provider]]`` and ``[llm]`` the arms may be only names for ``/v1/decisions``: a failure is a warning.
    """
    serious = bool(config.provider) or config.llm != LlmConfig(local_host=config.llm.local_host)
    by_provider: dict[str, list[Arm]] = {section.name: [] for section in config.provider}
    for arm in dict.fromkeys(arm for tier in config.tier for arm in tier_arms(tier)):
        by_provider.setdefault(arm.provider, []).append(arm)
    providers = Providers(config.provider, environ, config.llm.local_host)
    gate = asyncio.Semaphore(MAX_CONCURRENT)
    try:
        groups = await asyncio.gather(
            *(
                _check_one(config, providers, name, arms, gate if calls else None, timeout_s)
                for name, arms in by_provider.items()
            )
        )
    finally:
        await providers.close()
    return [finding._replace(serious=serious) for group in groups for finding in group]


async def _check_one(
    config: Config, providers: Providers, name: str, arms: list[Arm], gate: asyncio.Semaphore | None, timeout_s: float
) -> list[Finding]:
    problems = providers.problems(name)
    if problems:
        return [Finding(f"provider {name}", False, "; ".join(problems), _settings_remedy(problems))]
    section = provider_named(config.provider, name, config.llm.local_host)
    assert section is not None  # a missing section is a problem
    if gate is None or not arms:
        key = f"{section.api_key_env} is set" if section.api_key_env else "without a key"
        why = "not called" if arms else "no arm uses it"
        return [Finding(f"provider {name}", True, f"{section.base_url or section.kind}, {key}; {why}")]
    return await asyncio.gather(*(_call(providers, section, arm, gate, timeout_s) for arm in arms))


async def _call(
    providers: Providers, section: ProviderConfig, arm: Arm, gate: asyncio.Semaphore, timeout_s: float
) -> Finding:
    body = {
        "model": arm.model,
        "messages": [{"role": "user", "content": "Answer OK."}],
        section.max_tokens_field or "max_tokens": MAX_TOKENS,
    }
    request = ChatRequest(dialect="openai", body=body, raw=msgspec.json.encode(body), model=arm.model)
    subject = f"model {arm}"
    if problem := providers.effort_problem(arm):
        return Finding(subject, False, problem, "name another effort, or none")
    async with gate:
        began_s = perf_counter()
        try:
            async with asyncio.timeout(timeout_s):
                answer = await providers.upstream(arm).open(request)
                await answer.close()
        except ProviderError as error:
            return Finding(subject, False, error.text, await _remedy(error, section, arm))
        except TimeoutError:
            late = f"{arm.provider}: no response within {timeout_s:g} s"
            return Finding(subject, False, late, _timeout_remedy(arm))
        return Finding(subject, True, f"responds in {(perf_counter() - began_s) * 1000:.0f} ms")


def _timeout_remedy(arm: Arm) -> str:
    return "try again: its model may still be loading" if arm.provider in LOCAL else "try again later"


def _settings_remedy(problems: list[str]) -> str:
    if any("environment variable" in problem for problem in problems):
        return "set it where the gateway starts, and here for this command"
    if any("not configured" in problem for problem in problems):
        return "add a [[provider]] with its base_url; it is needed only to call models"
    return "see docs/how-to/providers.md"


async def _remedy(error: ProviderError, section: ProviderConfig, arm: Arm) -> str:
    if error.kind == "connect":
        return _connection_remedy(error, section)
    if error.kind == "timeout":
        return _timeout_remedy(arm)
    name, effort = split_effort(arm.model)
    if error.status == 404 or (effort is None and error.status == 400 and name in error.text):
        return await _model_remedy(section, Arm(arm.provider, name))
    if effort is not None and error.status == 400:
        return f"the model may not have the effort {effort!r}: try another, or {arm.provider}:{name}"
    return _status_remedy(error.status or 0, section)


def _status_remedy(status: int, section: ProviderConfig) -> str:
    if status in (401, 403):
        if section.api_key_env:
            return f"check the key in {section.api_key_env}, and that it may use the model"
        own_credentials = PROVIDER_KINDS[section.kind or "openai"].own_credentials
        return (
            "check that these credentials may use the model"
            if own_credentials
            else "set api_key_env to the variable of its key"
        )
    if status == 429:
        return "too many requests, or the quota is used up: see the provider's console"
    if status >= 500:
        return "the failure is at the provider: try again later"
    return "see docs/how-to/providers.md for the form of its requests"


def _connection_remedy(error: ProviderError, section: ProviderConfig) -> str:
    if not error.retryable:
        return "check whether base_url is https; SSL_CERT_FILE adds the certificate authorities of a company"
    host = urlsplit(section.base_url or "").hostname or ""
    if section.name in _START_COMMANDS and is_loopback(host):
        return _START_COMMANDS[section.name]
    listening = "; there it must listen on more than loopback" if section.name in _START_COMMANDS else ""
    return f"check base_url, and that this machine can reach it: {section.base_url or section.kind}{listening}"


async def _model_remedy(section: ProviderConfig, arm: Arm) -> str:
    """Return the remedy for a missing model; it names the models of a local server."""
    if arm.provider in LOCAL and section.base_url:
        found = await asyncio.to_thread(find_local_models, {arm.provider: section.base_url})
        if arm.provider == "ollama" and arm.model not in found.get("ollama", []):
            has = f"; it has {', '.join(found['ollama'][:8])}" if found.get("ollama") else ""
            return f"ollama pull {arm.model}{has}"
        if found.get(arm.provider):
            return f"it has {', '.join(found[arm.provider][:8])}"
    return "check the name of the model at the provider ([provider.models] translates the name of an arm) and base_url"
