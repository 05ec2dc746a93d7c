"""Environment of each child process: only what its role needs, so that a key is in no process that does not use it."""

from collections.abc import Iterator, Mapping, Set

from pointsman.contracts.config.loader import NOT_SETTINGS, PREFIX
from pointsman.contracts.config.providers import FROM_ENVIRONMENT, ProviderConfig, provider_named, with_defaults
from pointsman.contracts.config.schema import Config

ALL = frozenset({"PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TZDIR", "TMPDIR"})
_LOADER = frozenset({"LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH"})
_SERVERS = frozenset({"GOMAXPROCS", "GOMEMLIMIT", "GOGC"})
_SERVICES = frozenset(
    {"SSL_CERT_FILE", "SSL_CERT_DIR", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}
    | {PREFIX + "CONFIG"}
)
_PROXIES = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"})


def server_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that NATS and the store get."""
    return _selected(environ, ALL | _LOADER | _SERVERS, ("LC_",))


def base_environment(service: str, config: Config, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a service gets from the environment of ``pointsman up``.

    They are those of the system, of Python and the settings; what ``pass_environment`` of its section names; with
    tracing, those of OpenTelemetry; and for the gateway, which alone calls providers, proxies and the providers' keys.
    """
    names = {*ALL, *_LOADER, *_SERVICES, *getattr(config, service).pass_environment}
    prefixes = ["LC_", "PYTHON"]
    if config.tracing.enabled:
        prefixes.append("OTEL_")
    if service == "gateway":
        names |= _PROXIES | {name.lower() for name in _PROXIES} | set(_provider_variables(config))
        if any(provider.kind == "bedrock" for provider in _providers(config)):
            prefixes.append("AWS_")
    settings = {name for name in environ if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in NOT_SETTINGS}
    return _selected(environ, names | settings, tuple(prefixes))


def _providers(config: Config) -> Iterator[ProviderConfig]:
    """Yield the providers that have a section or an arm, with their defaults."""
    named = {arm.partition(":")[0] for tier in config.tier for arm in tier.arms or []}
    for name in named | {section.name for section in config.provider}:
        if (found := provider_named(config.provider, name)) is not None:
            yield with_defaults(found)


def _provider_variables(config: Config) -> Iterator[str]:
    for provider in _providers(config):
        if provider.api_key_env is not None:
            yield provider.api_key_env
        for value in provider.headers.values():
            if value.startswith(FROM_ENVIRONMENT):
                yield value.removeprefix(FROM_ENVIRONMENT)


def _selected(environ: Mapping[str, str], names: Set[str], prefixes: tuple[str, ...]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name in names or name.startswith(prefixes)}
