"""One HTTP exchange with a provider: sends a request and returns its answer once the first byte has arrived."""

from __future__ import annotations

import asyncio

from pointsman.llm.providers.answer import Answer
from pointsman.llm.providers.answer.complete import CompleteAnswer, client_headers
from pointsman.llm.providers.answer.pipeline import StreamPipeline
from pointsman.llm.providers.answer.upstream_stream import UNREADABLE, UpstreamStream
from pointsman.llm.providers.failure import (
    ProviderError,
    failure_from_error_event,
    failure_from_http_error,
    failure_from_response,
)
from pointsman.llm.providers.kinds.wire import ProviderRequest, Wire
from pointsman.llm.providers.settings import ProviderSettings
from pointsman.llm.providers.translation import answer_translator
from pointsman.llm.request import ChatRequest, requests_usage
from pointsman.runtime.http.client import HttpClient, StreamedResponse
from pointsman.runtime.http.errors import HttpError

MAX_ERROR_BYTES = 64 * 1024
MAX_HELD_BYTES = 64 * 1024
"""How much of a stream is held back until it is known to be an answer."""
ERROR_BODY_TIMEOUT_S = 2.0
"""How long the body of an error is awaited; the status is known already."""


class ProviderCall:
    """One try of a request at one provider.

    Parameters
    ----------
    model : str
        Name of the model at the provider.
    timeout_s : float
        Bound on a complete answer, or on the beginning of a stream.
    """

    def __init__(
        self, settings: ProviderSettings, wire: Wire, model: str, request: ChatRequest, timeout_s: float
    ) -> None:
        self._settings = settings
        self._wire = wire
        self._request = request
        self._timeout_s = timeout_s
        self._reader = wire.reader()
        self._translator = answer_translator(request, wire.dialect, model)

    async def send(self, client: HttpClient, provider_request: ProviderRequest) -> Answer:
        """Send the request; return when the first byte of an answer has arrived (all of it, when it is not a stream).

        Raises
        ------
        ProviderError
        """
        response: StreamedResponse | None = None
        streams = False
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await client.send("POST", *provider_request)
                if not 200 <= response.status < 300:
                    raise await self._error_response(response)
                answer = await (self._read_stream if self._request.stream else self._read_complete)(response)
            streams = self._request.stream
            return answer
        except (HttpError, TimeoutError) as error:
            failure = (
                failure_from_http_error(self._settings, self._request.dialect, error)
                if isinstance(error, HttpError)
                else self._timed_out()
            )
            failure.status = response.status if response else None
            raise failure from error
        finally:
            if response is not None and not streams:
                response.release()

    async def _error_response(self, response: StreamedResponse) -> ProviderError:
        try:
            async with asyncio.timeout(ERROR_BODY_TIMEOUT_S):
                body = await response.read_prefix(MAX_ERROR_BYTES)
        except (HttpError, TimeoutError):
            body = b""  # the status is enough
        if 300 <= response.status < 400:
            return self._protocol_error(response, f"answered with a redirect (HTTP {response.status}); not followed")
        return failure_from_response(
            self._settings, self._wire.dialect, self._request.dialect, response.status, response.headers, body
        )

    def _timed_out(self) -> ProviderError:
        what = "beginning of an answer" if self._request.stream else "answer"
        text = f"{self._settings.name}: no {what} within {self._timeout_s * 1000:.0f} ms"
        return ProviderError("timeout", text, dialect=self._request.dialect)

    def _protocol_error(self, response: StreamedResponse, what: str) -> ProviderError:
        text = f"{self._settings.name} {what}"
        return ProviderError("protocol", text, dialect=self._request.dialect, status=response.status)

    def _error_event(self, error: bytes) -> ProviderError:
        return failure_from_error_event(self._settings, self._wire.dialect, self._request.dialect, error)

    async def _read_complete(self, response: StreamedResponse) -> CompleteAnswer:
        recorder = self._reader.recorder
        try:
            body = self._wire.whole(await response.read(), response.headers)
            self._reader.whole(body)
            if recorder.error is not None:
                raise self._error_event(recorder.error)
            if self._translator is not None:
                body = self._translator.whole(body)
        except UNREADABLE as error:
            raise self._protocol_error(response, "sent an answer that is not readable") from error
        return CompleteAnswer(response.status, client_headers(response.headers, self._settings), body, recorder)

    async def _read_stream(self, response: StreamedResponse) -> UpstreamStream:
        """Read until part of an answer has arrived; the client has received nothing of what fails before."""
        if "json" in response.headers.get("content-type", ""):
            await self._reject_json(response)
        pipeline = StreamPipeline(
            self._wire.framing(),
            self._reader,
            drops_usage=self._drops_usage(),
            translator=self._translator,
            redacted=self._settings.redacted_bytes,
        )
        recorder = pipeline.recorder
        beginning: list[bytes] = []
        held_bytes = 0
        while not (recorder.started or recorder.ended) or not beginning:
            data = await response.read_chunk()
            if not data:
                if recorder.started and beginning:
                    break
                raise self._protocol_error(response, "ended its stream before the answer had begun")
            try:
                out = pipeline.feed(data)
            except UNREADABLE as error:
                raise self._protocol_error(response, "sent a stream that is not readable") from error
            if recorder.error is not None and not recorder.started:
                raise self._error_event(recorder.error)
            if out:
                beginning.append(out)
            held_bytes += len(data)
            if held_bytes > MAX_HELD_BYTES and beginning:
                break
        return UpstreamStream(
            self._settings, response, pipeline, b"".join(beginning), self._wire.dialect, self._request.dialect
        )

    async def _reject_json(self, response: StreamedResponse) -> None:
        """Raise the failure for JSON in place of a stream: usually it is an error."""
        body = await response.read_prefix(MAX_ERROR_BYTES)
        if b'"error"' in body:
            raise self._error_event(body)
        raise self._protocol_error(response, "sent no stream although one was requested")

    def _drops_usage(self) -> bool:
        """Return whether only the gateway requested the usage at the end of the stream."""
        request = self._request
        return self._wire.asks_usage and request.dialect == "openai" and not requests_usage(request.body)
