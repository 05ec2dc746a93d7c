"""Settings of the services: ``[gateway]``, ``[decision]``, ``[reward_updater]``, ``[shadow_evaluator]``, ``[probe]``,
``[log]`` and ``[tracing]``.
"""

from collections.abc import Iterator
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from pointsman.contracts.access.host_names import ANY_HOST, is_address, is_host
from pointsman.contracts.config.section import Section
from pointsman.core.bounds import NonNegative, NonNegativeInt, Port, PositiveInt, Share
from pointsman.core.violations import Violation

VariableName = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*\Z")]
"""Name of an environment variable."""


class _ServiceSection(Section, frozen=True, kw_only=True):
    """Settings that every service has.

    Attributes
    ----------
    pass_environment: ``pointsman up``: names of further environment variables that this service gets, for custom code.
    """

    pass_environment: list[VariableName] = []


class GatewayConfig(_ServiceSection, frozen=True, kw_only=True):
    """``[gateway]``.

    Attributes
    ----------
    host: Address to listen on.
    port: Port to listen on; 0 for any free port.
    decide_timeout_ms: How long to wait for a decision replica before the fallback arm is served.
    log_timeout_ms: How long to wait for NATS to accept an outcome.
    max_body_bytes: Largest request body.
    max_connections: Most connections of clients, fewer where the process may not have enough file descriptors; requests
        on further ones are answered 503.
    body_memory_mb: Largest memory, in megabytes, that the bodies of all requests in progress may take, with what is
        made of them (at least 4 times their length); 0 for a quarter of the memory of the machine or container.
    stop_delay_s: When the gateway is to stop: how long it still accepts requests while its probes are 503, so that load
        balancers send requests elsewhere.
    drain_timeout_s: How long it then waits for requests in progress; those that take longer end with an error.
    read_timeout_ms: How long a client may take to send a request including its body.
    keys_file: File of API keys that ``pointsman keys`` manages. Changes take effect within about a second.
    allow_anonymous: Serve requests without an API key although other machines can reach the gateway. No effect once
        keys are configured.
    anonymous_rate_limit_per_s: Requests per second from one client address while no keys are configured; 0 for no
        limit.
    published_host: IP address at which a container's port is published. It decides, instead of ``host``, whether other
        machines can reach the gateway.
    allowed_hosts: Host names that requests may have in ``Host``, such as ``gateway.example.com``; ``*`` for every
        name. Always accepted: IP addresses, names without a dot, names that end with ``.localhost``, ``.local`` or
        ``.internal``, ``host`` and the name of the machine. While API keys are configured and this list is empty,
        every name is accepted.
    open_metrics: Serve ``/metrics`` without an API key.
    cert_file: PEM file of the certificate chain: serve HTTPS.
    key_file: PEM file of the private key of the certificate.
    """

    host: str = "127.0.0.1"
    port: Port = 8080
    decide_timeout_ms: PositiveInt = 200
    log_timeout_ms: PositiveInt = 2000
    max_body_bytes: PositiveInt = 64 * 1024
    max_connections: PositiveInt = 10_000
    body_memory_mb: NonNegativeInt = 0
    stop_delay_s: NonNegative = 0.0
    drain_timeout_s: NonNegative = 30.0
    read_timeout_ms: PositiveInt = 10_000
    keys_file: str | None = None
    allow_anonymous: bool = False
    anonymous_rate_limit_per_s: NonNegative = 0.0
    published_host: str | None = None
    allowed_hosts: list[str] = []
    open_metrics: bool = False
    cert_file: str | None = None
    key_file: str | None = None

    @property
    def scheme(self) -> str:
        """``https`` with a certificate, else ``http``."""
        return "https" if self.cert_file else "http"

    def problems(self) -> Iterator[Violation]:
        """Yield the problems of this section."""
        for name, other in (("cert_file", "key_file"), ("key_file", "cert_file")):
            if getattr(self, name) is not None and getattr(self, other) is None:
                yield Violation(other, f"required together with {name}")
        if self.published_host is not None and not is_address(self.published_host):
            # Docker publishes on every interface when it cannot read the address.
            yield Violation("published_host", f"expected an IP address, got {self.published_host[:100]!r}")
        for index, name in enumerate(self.allowed_hosts):
            if name != ANY_HOST and not is_host(name):
                expected = "expected a host name without scheme and port, such as gateway.example.com, or *"
                yield Violation(f"allowed_hosts[{index}]", f"{expected}, got {name[:100]!r}")


class DecisionConfig(_ServiceSection, frozen=True, kw_only=True):
    """``[decision]``.

    Attributes
    ----------
    stale_after_ms: Decisions on state older than this are marked stale.
    reconcile_ms: Interval at which a replica compares its state with the store, in case a notice was lost.
    log_timeout_ms: How long to wait for the log to accept a decision. A decision that is not logged is not returned.
    max_batch: Largest number of requests that are scored together.
    """

    stale_after_ms: PositiveInt = 5000
    reconcile_ms: PositiveInt = 1000
    log_timeout_ms: PositiveInt = 150
    max_batch: PositiveInt = 256


class RewardUpdaterConfig(_ServiceSection, frozen=True, kw_only=True):
    """``[reward_updater]``.

    Attributes
    ----------
    max_batch: Largest number of outcomes in one commit.
    lease_ms: Duration of the lease of a tier: how long after a crash another reward-updater takes over.
    log_check_per_s: Number of messages in a second that are read to find damage in the outcome log, from its beginning,
        at the start and every hour; 0 switches it off.
    disk_paths: Directories whose disks are watched, such as that of NATS' data, where this process can see it.
        ``pointsman up`` adds its data directory.
    disk_alarm_free_bytes: Free space of a disk below which an alert is raised.
    """

    max_batch: PositiveInt = 500
    lease_ms: PositiveInt = 3000
    log_check_per_s: NonNegativeInt = 1000
    disk_paths: list[str] = []
    disk_alarm_free_bytes: PositiveInt = 1024**3


class ShadowEvaluatorConfig(_ServiceSection, frozen=True, kw_only=True):
    """``[shadow_evaluator]``.

    Attributes
    ----------
    max_batch: Largest number of decisions in one commit.
    lease_ms: Duration of the lease of a tier: how long after a crash another shadow-evaluator takes over.
    keep_days: How long the hourly sums of the report are kept.
    weight_clip: Largest importance weight in a report; larger weights are clipped to it and counted. No limit by
        default.
    pending_decisions: Number of most recent decisions for which the choices of a shadow with its own reward rule are
        kept.
    pick_days: Largest age of these choices in days.
    """

    max_batch: PositiveInt = 500
    lease_ms: PositiveInt = 3000
    keep_days: PositiveInt = 90
    weight_clip: Annotated[float, Meta(ge=1)] | None = None
    pending_decisions: PositiveInt = 200_000
    pick_days: PositiveInt = 30


class ProbeConfig(Section, frozen=True, kw_only=True):
    """``[probe]``: endpoint of /healthz, /readyz and /metrics of the services other than the gateway.

    Attributes
    ----------
    host: Address to listen on.
    port: Port to listen on; 0 for any free port, which is logged.
    """

    host: str = "127.0.0.1"
    port: Port = 0


class LogConfig(Section, frozen=True, kw_only=True):
    """``[log]``.

    Attributes
    ----------
    level: Lowest level that is logged to stderr.
    format: ``auto``: text on a terminal, JSON elsewhere.
    """

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "text"] = "auto"


class TracingConfig(Section, frozen=True, kw_only=True):
    """``[tracing]``: OpenTelemetry.

    Attributes
    ----------
    enabled: Create and export traces.
    endpoint: URL of a collector with OTLP over HTTP; ``/v1/traces`` is appended.
    sample_ratio: Share of the traces that start here to keep, 0 to 1. The sampling decision of a client's trace is
        respected.
    """

    enabled: bool = False
    endpoint: str = "http://127.0.0.1:4318"
    sample_ratio: Share = 1.0

    def problems(self) -> Iterator[Violation]:
        """Yield the problems of this section."""
        try:
            parts = urlsplit(self.endpoint)
            valid = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            valid = False
        if not valid:
            yield Violation("endpoint", f"expected an http or https URL, got {self.endpoint!r}")
