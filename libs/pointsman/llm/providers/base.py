"""What the gateway and the providers say to each other: a request, an answer, and what is known at its end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Literal, Protocol

import msgspec

Dialect = Literal["openai", "anthropic"]
"""What a client speaks: ``openai`` on /v1/chat/completions, ``anthropic`` on /v1/messages."""

TEXT_HEAD_CHARS = 400
"""How much of an answer's text is kept for the scorer."""


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of a call; None is not known, which is another thing than 0.

    Attributes
    ----------
    input_tokens : int, optional
        All tokens of the prompt, the cached ones among them, whichever way the provider counts.
    output_tokens : int, optional
        All tokens of the answer, reasoning included.
    cached_input_tokens : int, optional
        Of ``input_tokens``, those that were read from the provider's prompt cache.
    cache_write_tokens : int, optional
        Of ``input_tokens``, those that were written to it.
    estimated : bool
        Not what the provider said, but counted from the text.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None
    estimated: bool = False


class ToolCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call of a tool that the model asked for.

    Attributes
    ----------
    name : str
    arguments : str
        JSON, as the model wrote it; parsed where the provider gives it parsed, and written again.
    valid_json : bool
        Whether ``arguments`` is a JSON object.
    """

    name: str
    arguments: str
    valid_json: bool


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an answer when it has ended, or where it was broken off.

    Attributes
    ----------
    status : int
        The provider's HTTP status.
    usage : Usage, optional
        None when the provider has not told it (yet).
    finish_reason : str, optional
        In OpenAI's words whatever the provider: ``stop``, ``length``, ``tool_calls``, ``content_filter``, ``refusal``;
        another word as the provider said it. None when the answer did not come to its end.
    text_chars : int
        Length of the text; reasoning is not counted.
    text_head : str
        Its first `TEXT_HEAD_CHARS` characters, for the scorer only: it is never logged.
    tool_calls : tuple of ToolCall
    model : str, optional
        As the provider calls it.
    response_id : str, optional
        The id in the answer, as the client sees it.
    complete : bool
        Whether the provider brought the answer to its end.
    malformed_events : int
        Events of a stream that could not be read; they were passed on where client and provider speak the same dialect.
    """

    status: int
    usage: Usage | None = None
    finish_reason: str | None = None
    text_chars: int = 0
    text_head: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    model: str | None = None
    response_id: str | None = None
    complete: bool = False
    malformed_events: int = 0


class ProviderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A client's request, for one provider.

    Attributes
    ----------
    dialect : Dialect
        What the client speaks, and so what the answer has to be in.
    body : dict
        The client's body, decoded; never changed.
    raw : bytes
        The same as it came.
    model : str
        Model of the arm; the provider's configuration may give it another name.
    stream : bool
        Whether the client asked for a stream.
    headers : mapping
        Headers of the client that are for the provider, names in lower case: those of `PASSED_ON` are sent.
    """

    dialect: Dialect
    body: dict[str, Any]
    raw: bytes
    model: str
    stream: bool = False
    headers: Mapping[str, str] = {}


PASSED_ON: dict[Dialect, frozenset[str]] = {
    "openai": frozenset({"openai-beta", "openai-organization", "openai-project"}),
    "anthropic": frozenset({"anthropic-beta", "anthropic-version"}),
}
"""The client's headers that are sent to a provider of its own dialect; all others stay here."""
BETAS = frozenset({"openai-beta", "anthropic-beta"})
"""Those of them that are lists, with commas."""


class Answer(Protocol):
    """A provider's answer, of which the first byte is there; errors never become an Answer (see `ProviderError`).

    Attributes
    ----------
    status : int
    headers : mapping
        The provider's headers that are for the client, names in lower case: rate limits, request ids.
    content_type : str
    body : bytes, optional
        The whole answer, when it is no stream.
    tries : int
        How often the provider was asked: 1 + retries.
    """

    @property
    def status(self) -> int:
        """The provider's HTTP status, below 300."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers for the client."""
        ...

    @property
    def content_type(self) -> str:
        """``text/event-stream`` or ``application/json``."""
        ...

    @property
    def body(self) -> bytes | None:
        """The whole answer in the client's dialect; None for a stream."""
        ...

    @property
    def tries(self) -> int:
        """How often the provider was asked."""
        ...

    @property
    def completion(self) -> Completion:
        """What is known so far; all that will ever be after the last chunk, or after `close`."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the answer in the client's dialect, as it comes; to be iterated once.

        Raises
        ------
        ProviderError
            The stream broke off; what was yielded before stays valid. `ProviderError.event` is what to send then.
        """
        ...

    async def close(self) -> None:
        """Let go of the connection: back to the pool after the last chunk, cut when it was left before; repeatable."""
        ...


class Upstream(Protocol):
    """One arm at its provider."""

    @property
    def provider(self) -> str:
        """The provider's name in the configuration."""
        ...

    @property
    def model(self) -> str:
        """The model's name at the provider."""
        ...

    async def open(self, request: ProviderRequest) -> Answer:
        """Send a request; return when the first byte of a good answer is there (all of it, when it is no stream).

        Retries are made here, as far as the configuration allows, and the provider's breaker is asked and told.

        Raises
        ------
        ProviderError
            There is no answer; see its ``kind``, ``elsewhere`` and ``body``.
        """
        ...
