"""Failures of provider calls: what failed, whose fault it is, and the error that the client receives.

::

    ProviderError (Exception)
    ├── GatewayLimit        a limit of the gateway, and no fault of the provider
    ├── Untranslatable      the request has a field that the provider's dialect does not support
    └── UnknownProvider     the arm's provider is not configured, or not completely

Whose fault a failure is, and what it closes, is judged in `faults`. Which failures are retried is in `retry_policy`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pointsman.llm.providers.dialects.errors import ProviderErrorBody, encode_error, error_event, parse_error
from pointsman.llm.providers.faults.fault import Fault, Verdict
from pointsman.llm.providers.faults.judge import REFUSALS, judge_connection, judge_response
from pointsman.llm.providers.health import Scope
from pointsman.llm.providers.retry_policy import RETRYABLE_STATUSES, retry_after_s
from pointsman.llm.providers.settings import ProviderSettings
from pointsman.llm.request import Dialect
from pointsman.runtime.http.errors import HttpError, InvalidResponse, LimitReached, NetworkUnavailable

FailureKind = Literal[
    "connect", "timeout", "status", "protocol", "unavailable", "network", "limit", "request", "config"
]
"""What failed.

``connect``: no connection, or it was lost before the answer. ``timeout``: an answer, or its next part, was too late.
``status``: the provider responded with an error. ``protocol``: its answer is not readable, or ended early.
``unavailable``: the circuit breaker is open. ``network``: the gateway's machine has no network or no name service.
``limit``: a limit of the gateway, see `GatewayLimit`. ``request``: the request cannot be translated. ``config``: the
provider is not configured, or its key is not set. With the last five nothing was sent (`NOT_SENT`).
"""

NOT_SENT = frozenset({"unavailable", "network", "limit", "request", "config"})
_DEFAULT_VERDICTS: dict[FailureKind, Verdict] = {
    "connect": Verdict(Fault.PROVIDER, Scope.PROVIDER),
    "timeout": Verdict(Fault.MODEL, Scope.MODEL),
    "status": Verdict(Fault.MODEL, Scope.MODEL),
    "protocol": Verdict(Fault.MODEL, Scope.MODEL),
    "unavailable": Verdict(Fault.PROVIDER),
    "network": Verdict(Fault.NETWORK),
    "limit": Verdict(Fault.GATEWAY),
    "request": Verdict(Fault.GATEWAY),
    "config": Verdict(Fault.GATEWAY),
}
_FORWARDED_STATUSES = frozenset({400, 404, 408, 409, 413, 415, 422, 429, 503, 504, 529})
_STATUS_OF_KIND: dict[FailureKind, int] = {
    "timeout": 504,
    "unavailable": 503,
    "network": 503,
    "limit": 503,
    "request": 400,
    "config": 503,
}
_STATUS_OF_TYPE = {
    "invalid_request_error": 400,
    "validationException": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "throttlingException": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
    "serviceUnavailableException": 503,
}


class ProviderError(Exception):
    """A provider returned no answer, or not all of it. The text and all attributes are safe to show: no key is in them.

    Attributes
    ----------
    text: One sentence that names the provider.
    dialect: The client's dialect.
    status: The provider's HTTP status, if there was one.
    retryable: Whether the same request may succeed at the same provider a moment later.
    verdict: Whose fault it is, and what it closes; by default that of the kind.
    retry_after_s: The delay that the provider requests.
    body: The provider's error in the client's dialect; made from ``text`` by default.
    tries: How often the provider was called.
    """

    def __init__(
        self,
        kind: FailureKind,
        text: str,
        *,
        dialect: Dialect = "openai",
        status: int | None = None,
        retryable: bool = False,
        verdict: Verdict | None = None,
        retry_after_s: float | None = None,
        body: bytes | None = None,
        tries: int = 0,
    ) -> None:
        super().__init__(text)
        self.kind: FailureKind = kind
        self.text = text
        self.dialect: Dialect = dialect
        self.status = status
        self.retryable = retryable
        self.verdict = verdict or _DEFAULT_VERDICTS[kind]
        self.retry_after_s = retry_after_s
        self.body = encode_error(dialect, self.answer_status, text) if body is None else body
        self.tries = tries

    def drop_frames(self) -> None:
        """Drop the tracebacks of the error and of its causes: their frames hold the request.

        Whatever keeps the error calls it. A frame that holds its own exception is a reference cycle, and the request
        would stay in memory until the garbage collector runs, which a few large requests do not trigger.
        """
        error: BaseException | None = self
        while error is not None:
            inner = error.__cause__ or error.__context__
            error.__traceback__ = error.__cause__ = error.__context__ = None
            error = inner

    @property
    def elsewhere(self) -> bool:
        """Whether another arm may succeed: the request itself is not at fault."""
        return self.verdict.fault is not Fault.REQUEST

    @property
    def blames_request(self) -> bool:
        """Whether the provider blames the request, even where another provider may accept it."""
        return self.kind == "status" and self.status in REFUSALS

    @property
    def answer_status(self) -> int:
        """The HTTP status for the client when no other arm serves the request.

        A rejected key (401, 403) is the gateway's key, not the client's: 502.
        """
        if self.status is not None and self.kind == "status":
            return self.status if self.status in _FORWARDED_STATUSES else 502
        return _STATUS_OF_KIND.get(self.kind, 502)

    @property
    def event(self) -> bytes:
        """The error as the last event of a stream in the client's dialect."""
        return error_event(self.dialect, self.body)


class Untranslatable(ProviderError):
    """The request has a ``field``, such as ``messages[2].content[0].type``, that the provider's dialect lacks."""

    def __init__(self, field: str, why: str, *, dialect: Dialect = "openai") -> None:
        body = encode_error(dialect, 400, f"{field}: {why}", param=field)
        super().__init__("request", f"{field}: {why}", dialect=dialect, body=body)
        self.field = field


class GatewayLimit(ProviderError):
    """The gateway has no connection for the call because of a limit of its own (``limit``, see `LimitReached`)."""

    def __init__(self, error: LimitReached, text: str, *, dialect: Dialect = "openai") -> None:
        super().__init__("limit", text, dialect=dialect)
        self.limit = error.limit


class UnknownProvider(ProviderError):
    """The arm's provider is not configured, or not completely; the text names it and what is missing."""

    def __init__(self, text: str, *, dialect: Dialect = "openai") -> None:
        super().__init__("config", text, dialect=dialect)


class CallFailures:
    """Makes the failures of one call: they name the provider, hide its secrets and have the client's dialect.

    ``adapted``: the gateway has put the effort of the arm into the request.
    """

    def __init__(
        self,
        settings: ProviderSettings,
        provider_dialect: Dialect,
        client_dialect: Dialect,
        *,
        adapted: bool = False,
    ) -> None:
        self._settings = settings
        self._adapted = adapted
        self._dialect: Dialect = client_dialect
        self._same_dialect = provider_dialect == client_dialect

    def protocol(self, what: str, status: int | None) -> ProviderError:
        """Return the failure for an answer that is not readable or ended early."""
        return ProviderError("protocol", f"{self._settings.name} {what}", dialect=self._dialect, status=status)

    def timeout(self, what: str, status: int | None = None) -> ProviderError:
        """Return the failure for an answer, or its next part, that was too late."""
        return ProviderError("timeout", f"{self._settings.name}: {what}", dialect=self._dialect, status=status)

    def from_http_error(self, error: HttpError, status: int | None = None) -> ProviderError:
        """Return the failure for a connection that could not be made or broke."""
        text = self._settings.redacted(f"{self._settings.name}: {error}")
        if isinstance(error, LimitReached):
            return GatewayLimit(error, text, dialect=self._dialect)
        verdict = judge_connection(error)
        kind: FailureKind = "connect"
        if isinstance(error, InvalidResponse):
            kind = "protocol"
        elif isinstance(error, NetworkUnavailable):
            kind = "network"
        return ProviderError(
            kind, text, dialect=self._dialect, status=status, retryable=error.retryable, verdict=verdict
        )

    def from_response(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """Return the failure for a response with a status of 400 or more."""
        return self._from_status(status, parse_error(body), retry_after_s(headers))

    def from_error_event(self, error: bytes) -> ProviderError:
        """Return the failure for the value of ``error`` in an event, or in an answer with a status of success."""
        parsed = parse_error(error)
        return self._from_status(parsed.status or _STATUS_OF_TYPE.get(parsed.type or "", 500), parsed, None)

    def _from_status(self, status: int, body: ProviderErrorBody, after_s: float | None) -> ProviderError:
        settings = self._settings
        # A mistake may be in what the gateway has made of the request.
        changed = self._adapted or not self._same_dialect or settings.kind.own_format
        verdict = judge_response(status, body, changed=changed)
        if not verdict.shows_words:  # because some providers repeat part of the gateway's key
            hint = "" if settings.api_key or settings.kind.own_credentials else "; no key was sent: set api_key_env"
            text = f"{settings.name} rejected the gateway's credentials (HTTP {status}){hint}"
            return ProviderError("status", text, dialect=self._dialect, status=status, verdict=verdict)
        message = settings.redacted(body.message)
        text = f"{settings.name} answered HTTP {status}" + (f": {message}" if message else "")
        error = ProviderError(
            "status",
            text,
            dialect=self._dialect,
            status=status,
            retryable=status in RETRYABLE_STATUSES and verdict.fault is not Fault.KEY and not verdict.features,
            verdict=verdict,
            retry_after_s=after_s,
        )
        # Types, fields and codes are the provider's: they mean something only to clients of the same dialect.
        type_, param, code = (
            settings.redacted(value) if self._same_dialect and value else None
            for value in (body.type, body.param, body.code)
        )
        error.body = encode_error(
            self._dialect, error.answer_status, message or text, type_=type_, param=param, code=code
        )
        return error
