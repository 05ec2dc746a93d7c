"""Who serves the models: ``[[provider]]``, and what is known of the usual providers without it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Literal

import msgspec

from pointsman.contracts.config.section import Section, has_userinfo, url_problem

Kind = Literal["openai", "azure-openai", "anthropic", "bedrock"]
"""How a provider is spoken to; ``openai`` is everything that has OpenAI's chat completions."""

MaxTokensField = Literal["max_tokens", "max_completion_tokens"]

AZURE_API_VERSION = "2024-10-21"
"""The latest version of the deployments' URLs that is no preview."""

FROM_ENVIRONMENT = "env:"
"""What the value of a header begins with that is read from the environment."""


class ProviderConfig(Section, frozen=True, kw_only=True):
    """``[[provider]]``.

    Attributes
    ----------
    name : str
        What arms call it: it serves ``name:model``.
    kind : {"openai", "azure-openai", "anthropic", "bedrock"}, optional
        How it is spoken to; that of the well-known name, or ``openai``, when left out.
    base_url : str, optional
        Where it is; that of the well-known name when left out.
    api_key_env : str, optional
        The environment variable that holds its key. The key itself is never in the configuration.
    api_version : str, optional
        For ``azure-openai``: the ``api-version`` of the deployments' URLs. For ``anthropic``: ``anthropic-version``.
    region : str, optional
        For ``bedrock``: the AWS region; that of ``AWS_REGION`` or ``AWS_DEFAULT_REGION`` when left out.
    headers : table
        Sent with every request. A value ``env:NAME`` is read from the environment.
    models : table
        The model of an arm, and its name at the provider (a deployment, an inference profile); the same when left out.
    default_max_tokens : int
        Sent where the provider needs a bound of the answer and the client gave none (Anthropic's and Bedrock's).
    max_tokens_field : {"max_tokens", "max_completion_tokens"}, optional
        What the bound of the answer is called in a request that is translated to OpenAI's dialect: the newer name at
        OpenAI and Azure, which refuse the older one for some models, and the older one elsewhere, when left out.
    stream_usage : bool
        Ask for the usage at the end of streams, and keep it from clients that did not ask. False for a server that
        refuses ``stream_options``; tokens are then estimated.
    connect_timeout_ms : int
        For a connection to be made.
    first_byte_timeout_ms : int
        For a stream to begin.
    answer_timeout_ms : int
        For the whole of an answer that is no stream.
    idle_timeout_ms : int
        For the next part of a stream.
    retries : int
        How often the same provider is asked again, before the first byte, after 429, 5xx or a lost connection.
    max_retry_after_ms : int
        The longest ``Retry-After`` that is waited for; a longer one goes to the next candidate at once.
    max_connections : int
        Most connections to it at a time, for each gateway process.
    breaker_failures : int
        So many failures in a row, and it is left alone for a while.
    breaker_pause_ms : int
        How long; then one request tries it.
    """

    name: str
    kind: Kind | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    api_version: str | None = None
    region: str | None = None
    headers: dict[str, str] = {}
    models: dict[str, str] = {}
    default_max_tokens: int = 4096
    max_tokens_field: MaxTokensField | None = None
    stream_usage: bool = True
    connect_timeout_ms: int = 2000
    first_byte_timeout_ms: int = 60_000
    answer_timeout_ms: int = 120_000
    idle_timeout_ms: int = 60_000
    retries: int = 1
    max_retry_after_ms: int = 5000
    max_connections: int = 1000
    breaker_failures: int = 5
    breaker_pause_ms: int = 2000


WELL_KNOWN: dict[str, ProviderConfig] = {
    provider.name: provider
    for provider in (
        ProviderConfig(
            name="openai",
            kind="openai",
            base_url="https://api.openai.com/v1",
            api_key_env="OPENAI_API_KEY",
            max_tokens_field="max_completion_tokens",
        ),
        ProviderConfig(
            name="anthropic", kind="anthropic", base_url="https://api.anthropic.com", api_key_env="ANTHROPIC_API_KEY"
        ),
        ProviderConfig(
            name="openrouter", kind="openai", base_url="https://openrouter.ai/api/v1", api_key_env="OPENROUTER_API_KEY"
        ),
        ProviderConfig(name="ollama", kind="openai", base_url="http://127.0.0.1:11434/v1"),
        ProviderConfig(name="lmstudio", kind="openai", base_url="http://127.0.0.1:1234/v1"),
        ProviderConfig(name="llamacpp", kind="openai", base_url="http://127.0.0.1:8080/v1"),
        ProviderConfig(name="vllm", kind="openai", base_url="http://127.0.0.1:8000/v1"),
        ProviderConfig(
            name="azure",
            kind="azure-openai",
            api_key_env="AZURE_OPENAI_API_KEY",
            api_version=AZURE_API_VERSION,
            max_tokens_field="max_completion_tokens",
        ),
        ProviderConfig(name="databricks", kind="openai", api_key_env="DATABRICKS_TOKEN"),
        ProviderConfig(name="bedrock", kind="bedrock"),
    )
}
"""What holds for a provider of that name, as far as its section does not say otherwise."""


def with_defaults(provider: ProviderConfig) -> ProviderConfig:
    """Return a section with what its name, if well-known, says about what it leaves out; its kind is then set.

    A section with another kind, or at another address, takes no key from a well-known name: a key goes nowhere that the
    configuration does not say.
    """
    known = WELL_KNOWN.get(provider.name)
    if known is None or provider.kind not in (None, known.kind):
        known = ProviderConfig(name=provider.name, kind=provider.kind or "openai")
    names = ["kind", "base_url", "api_version", "max_tokens_field"]
    if known.base_url is None or provider.base_url in (None, known.base_url):
        names.append("api_key_env")
    filled = {name: getattr(known, name) for name in names if getattr(provider, name) is None}
    if known.kind == "azure-openai":
        own = {"api_version": AZURE_API_VERSION, "max_tokens_field": "max_completion_tokens"}
        filled |= {name: value for name, value in own.items() if name in filled}
    return msgspec.structs.replace(provider, **filled)


def provider_named(configured: Iterable[ProviderConfig], name: str) -> ProviderConfig | None:
    """Return what is known of the provider of a name, from its section or because the name is well-known."""
    section = next((provider for provider in configured if provider.name == name), None)
    return with_defaults(section) if section else WELL_KNOWN.get(name)


_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_REGION = re.compile(r"[a-z0-9-]{1,40}")
_AT_LEAST_ONE = (
    "default_max_tokens",
    "connect_timeout_ms",
    "first_byte_timeout_ms",
    "answer_timeout_ms",
    "idle_timeout_ms",
    "max_connections",
    "breaker_failures",
    "breaker_pause_ms",
)
_AT_LEAST_ZERO = ("retries", "max_retry_after_ms")
_MOST_RETRIES = 10


def check_providers(configured: Iterable[ProviderConfig]) -> list[str]:
    """Return what is wrong with the ``[[provider]]`` sections; no value that may be a secret is repeated."""
    problems = []
    seen: set[str] = set()
    for at, section in enumerate(configured):
        where = f"provider[{at}]"
        if not section.name or ":" in section.name or len(section.name) > 64 or not section.name.isprintable():
            problems.append(f"{where}.name: expected 1 to 64 printable characters without a colon")
        if section.name in seen:
            problems.append(f"{where}.name: {section.name!r} is used twice")
        seen.add(section.name)
        problems += _check_address(section, where)
        problems += _check_variables(section, where)
        for names, least in ((_AT_LEAST_ONE, 1), (_AT_LEAST_ZERO, 0)):
            for name in names:
                value = getattr(section, name)
                if not (math.isfinite(value) and value >= least):
                    problems.append(f"{where}.{name}: expected at least {least}, got {value}")
        if section.retries > _MOST_RETRIES:
            problems.append(f"{where}.retries: expected at most {_MOST_RETRIES}, got {section.retries}")
        problems += [f"{where}.models.{name!r}: is empty" for name, model in section.models.items() if not model]
    return problems


def _check_address(section: ProviderConfig, where: str) -> list[str]:
    provider = with_defaults(section)
    problems = []
    if provider.base_url is None:
        if provider.kind != "bedrock":
            problems.append(f"{where}.base_url: {section.name!r} needs one: where is it?")
    elif wrong := url_problem(provider.base_url, ("http", "https")):
        problems.append(f"{where}.base_url: {wrong}")
    elif has_userinfo(provider.base_url):
        problems.append(f"{where}.base_url: a URL holds no user or password; name the key's variable in api_key_env")
    elif "?" in provider.base_url or "#" in provider.base_url:
        problems.append(f"{where}.base_url: no query and no fragment here")
    if provider.region is not None and not _REGION.fullmatch(provider.region):
        problems.append(f"{where}.region: expected a region such as eu-central-1")
    if provider.region is not None and provider.kind != "bedrock":
        problems.append(f"{where}.region: only for kind bedrock")
    if section.api_version is not None and provider.kind not in ("azure-openai", "anthropic"):
        problems.append(f"{where}.api_version: only for kinds azure-openai and anthropic")
    return problems


def _check_variables(section: ProviderConfig, where: str) -> list[str]:
    problems = []
    if section.api_key_env is not None and not _VARIABLE.fullmatch(section.api_key_env):
        # Most likely the key itself was written here: it must not be shown.
        problems.append(f"{where}.api_key_env: expected the name of an environment variable, not the key")
    for name, value in section.headers.items():
        if not _HEADER.fullmatch(name):
            problems.append(f"{where}.headers: {name!r} cannot be the name of a header")
        elif value.startswith(FROM_ENVIRONMENT):
            if not _VARIABLE.fullmatch(value.removeprefix(FROM_ENVIRONMENT)):
                problems.append(f"{where}.headers.{name}: expected env: and the name of an environment variable")
        elif not value.isprintable() or not value.isascii():
            problems.append(f"{where}.headers.{name}: expected printable ASCII characters")
    return problems
