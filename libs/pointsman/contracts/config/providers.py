"""Providers of models: ``[[provider]]``, the kinds of providers, and the well-known providers that need no section."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, ClassVar, Literal, NamedTuple

import msgspec
from msgspec import Meta

from pointsman.contracts.config.section import Section, has_userinfo, url_problem
from pointsman.core.bounds import NonNegativeInt, PositiveInt
from pointsman.core.violations import Violation

Kind = Literal["openai", "azure-openai", "anthropic", "bedrock"]
"""API of a provider; ``openai`` is every server that is compatible with OpenAI's chat completions."""

MaxTokensField = Literal["max_tokens", "max_completion_tokens"]

LOCAL_HOST = "127.0.0.1"
"""Host of the well-known servers on this machine."""
FROM_ENVIRONMENT = "env:"
"""Prefix of the value of a header that is read from the environment."""


_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_REGION = re.compile(r"[a-z0-9-]{1,40}")


class ProviderKind(NamedTuple):
    """A kind as configuration, command line, prices and metrics know it; `pointsman.llm.providers.kinds` has its code.

    Attributes
    ----------
    needs_base_url: Whether there is no address without ``base_url``.
    has_region: Whether ``region`` applies.
    has_api_version: Whether ``api_version`` applies.
    own_credentials: How it is authenticated without ``api_key_env``.
    own_format: Whether its requests are in neither client dialect, so that each is translated.
    defaults: Values of `ProviderConfig` that differ from its own defaults.
    price_list_name: Name in the price list, for a kind whose addresses differ from account to account.
    gen_ai_name: ``gen_ai.provider.name`` of OpenTelemetry's conventions where it differs from the provider's name.
    """

    needs_base_url: bool = True
    has_region: bool = False
    has_api_version: bool = False
    own_credentials: str | None = None
    own_format: bool = False
    defaults: dict[str, str] = {}
    price_list_name: str | None = None
    gen_ai_name: str | None = None


PROVIDER_KINDS: dict[Kind, ProviderKind] = {
    "openai": ProviderKind(),
    "azure-openai": ProviderKind(
        has_api_version=True,
        # The latest version of the deployments' URLs that is not a preview.
        defaults={"api_version": "2024-10-21", "max_tokens_field": "max_completion_tokens"},
        price_list_name="azure",
        gen_ai_name="azure.ai.openai",
    ),
    "anthropic": ProviderKind(has_api_version=True),
    "bedrock": ProviderKind(
        needs_base_url=False,
        has_region=True,
        own_credentials="credentials as all AWS tools find them, region in AWS_REGION",
        own_format=True,
        price_list_name="aws",
        gen_ai_name="aws.bedrock",
    ),
}
"""Every kind, once."""


class ProviderConfig(Section, frozen=True, kw_only=True):
    """``[[provider]]``.

    Attributes
    ----------
    name: The prefix of its arms: it serves ``name:model``.
    kind: Its API. Default: that of the well-known name, or ``openai``.
    base_url: Its address. Default: that of the well-known name.
    api_key_env: The environment variable that holds its key. The key itself is never in the configuration.
    api_version: For ``azure-openai``: the ``api-version`` of the deployments' URLs. For ``anthropic``:
        ``anthropic-version``.
    region: For ``bedrock``: the AWS region. Default: ``AWS_REGION`` or ``AWS_DEFAULT_REGION``.
    headers: Sent with every request. A value ``env:NAME`` is read from the environment.
    models: From the model of an arm to its name at the provider (a deployment, an inference profile), where they
        differ.
    families: From the model of an arm, or its name at the provider, to the name of the model that it is, such as
        ``claude-sonnet-4-5``, where neither of the two contains it. It decides which fields are sent.
    default_max_tokens: Sent where the provider requires a bound on the answer and the client set none (Anthropic and
        Bedrock).
    max_tokens_field: Name of the bound on the answer in a request that is translated to OpenAI's dialect. Default: the
        newer name for OpenAI and Azure, which refuse the older one for some models, and the older one elsewhere.
    stream_usage: Request the usage at the end of streams, and hide it from clients that did not. Set it to false for a
        server that refuses ``stream_options``; tokens are then estimated.
    connect_timeout_ms: Bound on making a connection.
    first_byte_timeout_ms: Bound on the beginning of a stream.
    answer_timeout_ms: Bound on a complete answer that is not a stream.
    idle_timeout_ms: Bound on the next event of a stream.
    stream_timeout_ms: Bound on a whole stream.
    max_answer_bytes: Largest complete answer that is not a stream.
    max_stream_bytes: Largest stream.
    retries: How often the same provider is called again, before the first byte, after 429, 5xx or a lost connection.
    max_retry_after_ms: Longest ``Retry-After`` that is waited for; after a longer one the next candidate is tried at
        once.
    max_connections: Most connections to it at a time, for each gateway process.
    queue_timeout_ms: How long a request waits for a free connection; then it is answered 503.
    breaker_failures: Failures in a row after which a model, or the whole provider, is not called for a while.
    breaker_pause_ms: Length of that pause; then one request probes it.
    """

    unique: ClassVar[str] = "name"

    name: str
    kind: Kind | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    api_version: str | None = None
    region: str | None = None
    headers: dict[str, str] = {}
    models: dict[str, str] = {}
    families: dict[str, str] = {}
    default_max_tokens: PositiveInt = 4096
    max_tokens_field: MaxTokensField | None = None
    stream_usage: bool = True
    connect_timeout_ms: PositiveInt = 2000
    first_byte_timeout_ms: PositiveInt = 60_000
    answer_timeout_ms: PositiveInt = 120_000
    idle_timeout_ms: PositiveInt = 60_000
    stream_timeout_ms: PositiveInt = 3_600_000
    max_answer_bytes: PositiveInt = 32 * 1024 * 1024
    max_stream_bytes: PositiveInt = 256 * 1024 * 1024
    retries: Annotated[int, Meta(ge=0, le=10)] = 1
    max_retry_after_ms: NonNegativeInt = 5000
    max_connections: PositiveInt = 1000
    queue_timeout_ms: PositiveInt = 5000
    breaker_failures: PositiveInt = 5
    breaker_pause_ms: PositiveInt = 2000

    def problems(self) -> Iterator[Violation]:
        """Yield the problems of this section; values that may be secrets are not shown."""
        if not self.name or ":" in self.name or len(self.name) > 64 or not self.name.isprintable():
            yield Violation("name", "expected 1 to 64 printable characters without a colon")
        yield from self._address_problems()
        if self.api_key_env is not None and not _VARIABLE.fullmatch(self.api_key_env):
            # Probably the key itself: it must not be shown.
            yield Violation("api_key_env", "expected the name of an environment variable, not the key")
        for name, value in self.headers.items():
            if not _HEADER.fullmatch(name):
                yield Violation("headers", f"{name!r} is not a valid header name")
            elif value.startswith(FROM_ENVIRONMENT):
                if not _VARIABLE.fullmatch(value.removeprefix(FROM_ENVIRONMENT)):
                    yield Violation(f"headers.{name}", "expected env: and the name of an environment variable")
            elif not value.isprintable() or not value.isascii():
                yield Violation(f"headers.{name}", "expected printable ASCII characters")
        for setting, names in (("models", self.models), ("families", self.families)):
            for name, model in names.items():
                if not model:
                    yield Violation(f"{setting}.{name!r}", "must not be empty")

    def names_of(self, model: str) -> tuple[str, ...]:
        """Return all names of a model, given its name at the provider: itself, those of its arms, and its families."""
        names = (model, *(arm for arm, name in self.models.items() if name == model))
        return (*names, *(self.families[name] for name in names if name in self.families))

    def _address_problems(self) -> Iterator[Violation]:
        provider = with_defaults(self)
        kind = PROVIDER_KINDS[provider.kind or "openai"]
        if provider.base_url is None:
            if kind.needs_base_url:
                yield Violation("base_url", f"{self.name!r} has no default address; set base_url")
        elif wrong := url_problem(provider.base_url, ("http", "https")):
            yield Violation("base_url", wrong)
        elif has_userinfo(provider.base_url):
            yield Violation("base_url", "must not contain a user or password; name the key's variable in api_key_env")
        elif "?" in provider.base_url or "#" in provider.base_url:
            yield Violation("base_url", "must not contain a query or a fragment")
        if provider.region is not None and not _REGION.fullmatch(provider.region):
            yield Violation("region", "expected a region such as eu-central-1")
        if provider.region is not None and not kind.has_region:
            yield Violation("region", f"only for kind {_kinds(lambda kind: kind.has_region)}")
        if self.api_version is not None and not kind.has_api_version:
            yield Violation("api_version", f"only for kinds {_kinds(lambda kind: kind.has_api_version)}")


def _kinds(applies: Callable[[ProviderKind], bool]) -> str:
    return " and ".join(name for name, kind in PROVIDER_KINDS.items() if applies(kind))


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
        ProviderConfig(name="ollama", kind="openai", base_url=f"http://{LOCAL_HOST}:11434/v1"),
        ProviderConfig(name="lmstudio", kind="openai", base_url=f"http://{LOCAL_HOST}:1234/v1"),
        ProviderConfig(name="llamacpp", kind="openai", base_url=f"http://{LOCAL_HOST}:8080/v1"),
        ProviderConfig(name="vllm", kind="openai", base_url=f"http://{LOCAL_HOST}:8000/v1"),
        ProviderConfig(
            name="azure",
            kind="azure-openai",
            api_key_env="AZURE_OPENAI_API_KEY",
            **PROVIDER_KINDS["azure-openai"].defaults,  # type: ignore[arg-type]
        ),
        ProviderConfig(name="databricks", kind="openai", api_key_env="DATABRICKS_TOKEN"),
        ProviderConfig(name="bedrock", kind="bedrock"),
    )
}
"""Defaults of a provider by its name; a section overrides them."""


def with_defaults(provider: ProviderConfig) -> ProviderConfig:
    """Return a section with the defaults of its name, if well-known, and of its kind; its kind is then set.

    A section with another kind or another address does not get the key of the well-known name: a key is sent only where
    the configuration names it.
    """
    known = WELL_KNOWN.get(provider.name)
    if known is None or provider.kind not in (None, known.kind):
        known = ProviderConfig(name=provider.name, kind=provider.kind or "openai")
    names = ["kind", "base_url", "api_version", "max_tokens_field"]
    if known.base_url is None or provider.base_url in (None, known.base_url):
        names.append("api_key_env")
    filled = {name: getattr(known, name) for name in names if getattr(provider, name) is None}
    defaults = PROVIDER_KINDS[known.kind or "openai"].defaults
    filled |= {name: value for name, value in defaults.items() if name in filled}
    return msgspec.structs.replace(provider, **filled)


def provider_named(
    configured: Iterable[ProviderConfig], name: str, local_host: str = LOCAL_HOST
) -> ProviderConfig | None:
    """Return the settings of a provider by its name: from its section, or the defaults of a well-known name.

    ``local_host`` replaces `LOCAL_HOST` in a default address.
    """
    section = next((provider for provider in configured if provider.name == name), None)
    found = with_defaults(section) if section else WELL_KNOWN.get(name)
    is_default = section is None or section.base_url is None
    if local_host == LOCAL_HOST or not is_default or found is None or found.base_url is None:
        return found
    host = f"[{local_host}]" if ":" in local_host else local_host
    return msgspec.structs.replace(found, base_url=found.base_url.replace(f"//{LOCAL_HOST}:", f"//{host}:"))
