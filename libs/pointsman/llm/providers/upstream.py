"""One arm at its provider: a request goes out, is retried, and comes back as an answer in the client's dialect."""

from __future__ import annotations

import asyncio
from time import monotonic, time
from typing import Any

from pointsman.llm.providers.answer import UNREADABLE, StreamedAnswer, WholeAnswer, for_client
from pointsman.llm.providers.anthropic_answer import AnthropicObserver
from pointsman.llm.providers.base import Answer, Dialect, ProviderRequest
from pointsman.llm.providers.config import Settings
from pointsman.llm.providers.errors import Kind, ProviderError, Untranslatable
from pointsman.llm.providers.health import Health
from pointsman.llm.providers.observation import Observer
from pointsman.llm.providers.openai import usage_asked
from pointsman.llm.providers.openai_answer import OpenAIObserver
from pointsman.llm.providers.passage import Passage
from pointsman.llm.providers.provider_errors import failed_in_stream, refused
from pointsman.llm.providers.retrying import wait_s
from pointsman.llm.providers.wire import Call, Wire
from pointsman.llm.translate.answers import AnswerTranslator
from pointsman.llm.translate.anthropic_answer_to_openai import AnthropicAnswerToOpenAI
from pointsman.llm.translate.anthropic_request_to_openai import anthropic_request_to_openai
from pointsman.llm.translate.openai_answer_to_anthropic import OpenAIAnswerToAnthropic
from pointsman.llm.translate.openai_request_to_anthropic import openai_request_to_anthropic
from pointsman.runtime.http.client import HttpClient, StreamedResponse
from pointsman.runtime.http.errors import HttpError, InvalidResponse

MAX_ERROR_BYTES = 64 * 1024

_HELD_BYTES = 64 * 1024
"""How much of a stream is held back, at most, until it is seen to be a good answer."""
_ERROR_BODY_S = 2.0
"""How long the reason of a failure is waited for that the status has told already."""


class ProviderUpstream:
    """One model of one provider.

    Parameters
    ----------
    settings : Settings
    client : HttpClient
        The provider's.
    health : Health
        The provider's.
    wire : Wire
    model : str
        The name at the provider.
    """

    def __init__(self, settings: Settings, client: HttpClient, health: Health, wire: Wire, model: str) -> None:
        config = settings.config
        self._settings = settings
        self._client = client
        self._health = health
        self._wire = wire
        self._model = model
        self._first_byte_s = config.first_byte_timeout_ms / 1000.0
        self._answer_s = config.answer_timeout_ms / 1000.0
        self._most_asked_s = config.max_retry_after_ms / 1000.0

    @property
    def provider(self) -> str:
        """The provider's name in the configuration."""
        return self._settings.name

    @property
    def model(self) -> str:
        """The model's name at the provider."""
        return self._model

    def refusal(self, request: ProviderRequest) -> Untranslatable | None:
        """Return why the request cannot be said in the provider's dialect; None when it can. Nothing is sent."""
        try:
            self._sent(request)
        except Untranslatable as error:
            return error
        return None

    async def open(self, request: ProviderRequest) -> Answer:
        """Send a request; return when the first byte of a good answer is there (all of it, when it is no stream).

        Raises
        ------
        ProviderError
        """
        call = await self._wire.call(self._sent(request), request)
        limit_s = self._first_byte_s if request.stream else self._answer_s
        tries = 0
        while True:
            sent_at_s = monotonic()
            if not self._health.admits(sent_at_s, limit_s):
                text = f"{self.provider} has just failed several times, and is left alone for a while"
                raise ProviderError("unavailable", text, dialect=request.dialect, tries=tries)
            tries += 1
            try:
                answer = await self._attempt(call, request, limit_s)
            except ProviderError as error:
                self._health.refused(error, sent_at_s)
                error.tries = tries
                if self._is_about_usage(error, request):
                    self._wire.asks_usage = False
                    call = await self._wire.call(self._sent(request), request)
                    continue
                pause_s = wait_s(tries, error.retry_after_s, self._most_asked_s)
                if not error.retryable or tries > self._settings.config.retries or pause_s is None:
                    raise
            except BaseException:
                self._health.abandoned()
                raise
            else:
                self._health.answered()
                answer.tries = tries
                return answer
            await asyncio.sleep(pause_s)

    def _is_about_usage(self, error: ProviderError, request: ProviderRequest) -> bool:
        """Tell whether a provider refuses what only the gateway asks for: some do not know ``stream_options``."""
        ours = request.stream and self._wire.asks_usage and "stream_options" not in request.body
        return ours and error.blames_request and "stream_options" in error.text

    def _sent(self, request: ProviderRequest) -> bytes:
        """Return the body to send."""
        return self._wire.encode(self._in_wires_dialect(request), request)

    def _in_wires_dialect(self, request: ProviderRequest) -> bytes | dict[str, Any]:
        if request.dialect == self._wire.speaks:
            return request.body if self._wire.translates else request.raw
        config = self._settings.config
        if request.dialect == "openai":
            return openai_request_to_anthropic(request.body, config.default_max_tokens)
        return anthropic_request_to_openai(request.body, config.max_tokens_field or "max_tokens")

    async def _attempt(self, call: Call, request: ProviderRequest, limit_s: float) -> StreamedAnswer | WholeAnswer:
        response: StreamedResponse | None = None
        handed_out = False
        try:
            async with asyncio.timeout(limit_s):
                response = await self._client.send("POST", call.url, call.headers, call.body)
                if not 200 <= response.status < 300:
                    raise await self._refusal_of(response, request.dialect)
                answer = await (self._streamed(response, request) if request.stream else self._whole(response, request))
            handed_out = request.stream
            return answer
        except (HttpError, TimeoutError) as error:
            if isinstance(error, TimeoutError):
                explained = self._late(request, limit_s)
            else:
                explained = self._unsent(error, request.dialect)
            explained.status = response.status if response else None
            raise explained from error
        finally:
            if response is not None and not handed_out:
                response.release()

    async def _refusal_of(self, response: StreamedResponse, dialect: Dialect) -> ProviderError:
        try:
            async with asyncio.timeout(_ERROR_BODY_S):
                body = await response.read_prefix(MAX_ERROR_BYTES)
        except (HttpError, TimeoutError):
            body = b""  # the status says enough
        if 300 <= response.status < 400:
            text = f"{self.provider} answered with a redirect (HTTP {response.status}), which is not followed"
            return ProviderError("protocol", text, dialect=dialect, status=response.status)
        return refused(self._settings, self._wire.speaks, dialect, response.status, response.headers, body)

    def _unsent(self, error: HttpError, dialect: Dialect) -> ProviderError:
        kind: Kind = "protocol" if isinstance(error, InvalidResponse) else "connect"
        text = self._settings.redacted(f"{self.provider}: {error}")
        return ProviderError(kind, text, dialect=dialect, retryable=error.retryable)

    def _late(self, request: ProviderRequest, limit_s: float) -> ProviderError:
        what = "beginning of an answer" if request.stream else "answer"
        text = f"{self.provider}: no {what} within {limit_s * 1000:.0f} ms"
        return ProviderError("timeout", text, dialect=request.dialect)

    def _unreadable(self, request: ProviderRequest, status: int, why: str) -> ProviderError:
        return ProviderError("protocol", f"{self.provider} {why}", dialect=request.dialect, status=status)

    async def _whole(self, response: StreamedResponse, request: ProviderRequest) -> WholeAnswer:
        observer = self._observer()
        try:
            body = self._wire.whole(await response.read(), response.headers)
            observer.whole(body)
            if observer.notes.error is not None:
                raise failed_in_stream(self._settings, self._wire.speaks, request.dialect, observer.notes.error)
            translator = self._translator(request)
            body = translator.whole(body) if translator else body
        except UNREADABLE as error:
            raise self._unreadable(request, response.status, "sent an answer that cannot be read") from error
        return WholeAnswer(response.status, for_client(response.headers, self._settings), body, observer.notes)

    async def _streamed(self, response: StreamedResponse, request: ProviderRequest) -> StreamedAnswer:
        """Read until something of an answer is there; what fails before has been seen by nobody."""
        if "json" in response.headers.get("content-type", ""):
            await self._refuse_json(response, request)
        translator = self._translator(request)
        passage = Passage(
            self._wire.framing(),
            self._observer(),
            strips=self._strips(request),
            translator=translator,
            redacted=self._settings.redacted_bytes,
        )
        notes = passage.notes
        beginning: list[bytes] = []
        held = 0
        while not (notes.started or notes.ended) or not beginning:
            data = await response.read_chunk()
            if not data:
                if notes.started and beginning:
                    break
                raise self._unreadable(request, response.status, "ended its stream before it had said anything")
            try:
                out = passage.feed(data)
            except UNREADABLE as error:
                raise self._unreadable(request, response.status, "sent a stream that cannot be read") from error
            if notes.error is not None and not notes.started:
                raise failed_in_stream(self._settings, self._wire.speaks, request.dialect, notes.error)
            if out:
                beginning.append(out)
            held += len(data)
            if held > _HELD_BYTES and beginning:
                break
        return StreamedAnswer(
            self._settings,
            response,
            passage,
            b"".join(beginning),
            self._wire.speaks,
            request.dialect,
        )

    async def _refuse_json(self, response: StreamedResponse, request: ProviderRequest) -> None:
        """Raise what a provider means that answers a request for a stream with JSON: mostly an error."""
        body = await response.read_prefix(MAX_ERROR_BYTES)
        if b'"error"' in body:
            raise failed_in_stream(self._settings, self._wire.speaks, request.dialect, body)
        raise self._unreadable(request, response.status, "was asked for a stream and answered with none")

    def _strips(self, request: ProviderRequest) -> bool:
        """Whether the usage at the end of the stream is for the gateway only."""
        return self._wire.asks_usage and request.dialect == "openai" and not usage_asked(request.body)

    def _observer(self) -> Observer:
        return OpenAIObserver() if self._wire.speaks == "openai" else AnthropicObserver()

    def _translator(self, request: ProviderRequest) -> AnswerTranslator | None:
        if request.dialect == self._wire.speaks:
            return None
        if request.dialect == "openai":
            return AnthropicAnswerToOpenAI(int(time()), usage_asked(request.body))
        return OpenAIAnswerToAnthropic(self._model)
