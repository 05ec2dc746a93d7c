"""What can go wrong between the gateway and a provider.

::

    ProviderError (Exception)
    ├── Untranslatable      the request has something that the provider's dialect cannot say
    └── UnknownProvider     the arm's provider is not configured, or not completely
"""

from __future__ import annotations

from typing import Literal

from pointsman.llm.providers.base import Dialect
from pointsman.llm.providers.error_bodies import encode_error, error_event
from pointsman.llm.providers.retrying import ITS_FAULT

Kind = Literal["connect", "timeout", "status", "protocol", "unavailable", "request", "config"]
"""What went wrong.

``connect``: no connection, or lost before the answer. ``timeout``: an answer, or the next part of it, did not come in
time.
``status``: the provider answered with an error. ``protocol``: its answer cannot be read, or broke off. ``unavailable``:
it failed just before and is left alone for a while; it was not asked. ``request``: the request cannot be said in its
dialect; it was not asked. ``config``: it is not configured, or its key is not in the environment; it was not asked.
"""

_PASSED_STATUSES = frozenset({400, 404, 408, 409, 413, 415, 422, 429, 503, 504, 529})
_STATUS_OF_KIND: dict[Kind, int] = {"timeout": 504, "unavailable": 503, "request": 400, "config": 503}


class ProviderError(Exception):
    """A provider gave no (whole) answer. Its text and all it carries are safe to show: no key is in them.

    Parameters
    ----------
    kind : Kind
    text : str
        One sentence that names the provider.
    dialect : Dialect
        What the client speaks.
    status : int, optional
        The provider's HTTP status, if there was one.
    retryable : bool
        Whether the same request may succeed at the same provider a little later.
    elsewhere : bool
        Whether another candidate may do better. False only where the fault is in the request itself, whoever has it.
    retry_after_s : float, optional
        When the provider says it can be asked again.
    body : bytes, optional
        The error in the client's dialect, when the provider told one; made from ``text`` by default.
    tries : int
        How often the provider was asked.
    """

    def __init__(
        self,
        kind: Kind,
        text: str,
        *,
        dialect: Dialect = "openai",
        status: int | None = None,
        retryable: bool = False,
        elsewhere: bool = True,
        retry_after_s: float | None = None,
        body: bytes | None = None,
        tries: int = 0,
    ) -> None:
        super().__init__(text)
        self.kind: Kind = kind
        self.text = text
        self.dialect: Dialect = dialect
        self.status = status
        self.retryable = retryable
        self.elsewhere = elsewhere
        self.retry_after_s = retry_after_s
        self.body = encode_error(dialect, self.answer_status, text) if body is None else body
        self.tries = tries

    @property
    def blames_request(self) -> bool:
        """Whether the provider says that something is wrong with the request: also where another may think better."""
        return self.kind == "status" and self.status in ITS_FAULT

    @property
    def answer_status(self) -> int:
        """The HTTP status for the client, if nobody else serves the request.

        A provider that refuses the gateway's key (401, 403) is the gateway's trouble, not that of the client's own key:
        502.
        """
        if self.status is not None and self.kind == "status":
            return self.status if self.status in _PASSED_STATUSES else 502
        return _STATUS_OF_KIND.get(self.kind, 502)

    @property
    def event(self) -> bytes:
        """The error as the last event of a stream in the client's dialect."""
        return error_event(self.dialect, self.body)


class Untranslatable(ProviderError):
    """The request has something that the provider's dialect cannot say.

    Parameters
    ----------
    field : str
        Its path in the client's body, as in ``messages[2].content[0].type``.
    why : str
    """

    def __init__(self, field: str, why: str, *, dialect: Dialect = "openai") -> None:
        body = encode_error(dialect, 400, f"{field}: {why}", param=field)
        super().__init__("request", f"{field}: {why}", dialect=dialect, body=body)
        self.field = field


class UnknownProvider(ProviderError):
    """The arm's provider is not configured, or not completely; the text names it and what is missing."""

    def __init__(self, text: str, *, dialect: Dialect = "openai") -> None:
        super().__init__("config", text, dialect=dialect)
