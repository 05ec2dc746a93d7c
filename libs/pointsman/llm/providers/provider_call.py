"""One HTTP exchange with a provider: sends a request and returns its answer once the first byte has arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from pointsman.llm.providers.answer import Answer
from pointsman.llm.providers.answer.complete import CompleteAnswer, client_headers
from pointsman.llm.providers.answer.pipeline import StreamPipeline
from pointsman.llm.providers.answer.upstream_stream import UNREADABLE, UpstreamStream
from pointsman.llm.providers.dialects.errors import MAX_ERROR_BYTES
from pointsman.llm.providers.failure import CallFailures, ProviderError
from pointsman.llm.providers.kinds.wire import ProviderRequest, Wire
from pointsman.llm.providers.settings import ProviderSettings
from pointsman.llm.providers.translation import answer_translator
from pointsman.llm.request import ChatRequest, requests_usage
from pointsman.runtime.http.client import HttpClient, StreamedResponse
from pointsman.runtime.http.errors import HttpError
from pointsman.runtime.http.slots import ConnectionSlot

MAX_HELD_BYTES = 64 * 1024
"""How much of a stream is held back until it is known to be an answer."""
ERROR_BODY_TIMEOUT_S = 2.0
"""How long the body of an error is awaited; the status is known already."""


class ProviderCall:
    """One try of a request at one provider.

    ``tool_names``: from the names of tools that were sent to the client's, where they differ. ``timeout_s`` bounds a
    complete answer, or the beginning of a stream.
    """

    def __init__(
        self,
        settings: ProviderSettings,
        wire: Wire,
        model: str,
        request: ChatRequest,
        tool_names: Mapping[str, str],
        timeout_s: float,
    ) -> None:
        self._settings = settings
        self._wire = wire
        self._request = request
        self._timeout_s = timeout_s
        self._failures = CallFailures(settings, wire.dialect, request.dialect, adapted=wire.effort is not None)
        self._reader = wire.reader()
        self._reader.tool_names = tool_names
        self._translator = answer_translator(request, wire, model, tool_names)

    async def send(self, client: HttpClient, provider_request: ProviderRequest, slot: ConnectionSlot) -> Answer:
        """Send the request; return the answer, or raise `ProviderError`, as `Upstream.open` does."""
        response: StreamedResponse | None = None
        streams = False
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await client.send("POST", *provider_request, slot)
                if not 200 <= response.status < 300:
                    raise await self._error_response(response)
                answer = await (self._read_stream if self._request.stream else self._read_complete)(response)
            streams = self._request.stream
            return answer
        except HttpError as error:
            raise self._failures.from_http_error(error, response.status if response else None) from error
        except TimeoutError as error:
            part = "beginning of an answer" if self._request.stream else "answer"
            text = f"no {part} within {self._timeout_s * 1000:.0f} ms"
            raise self._failures.timeout(text, response.status if response else None) from error
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
            text = f"answered with a redirect (HTTP {response.status}); not followed"
            return self._failures.protocol(text, response.status)
        return self._failures.from_response(response.status, response.headers, body)

    async def _read_complete(self, response: StreamedResponse) -> CompleteAnswer:
        recorder = self._reader.recorder
        try:
            body = self._wire.whole(await response.read(self._settings.config.max_answer_bytes), response.headers)
            pieces = self._reader.whole(body)
            if recorder.error is not None:
                raise self._failures.from_error_event(recorder.error)
            if self._translator is not None:
                body = self._translator.whole(body, pieces)
        except UNREADABLE as error:
            raise self._failures.protocol("sent an answer that is not readable", response.status) from error
        return CompleteAnswer(response.status, client_headers(response.headers, self._settings), body, recorder)

    async def _read_stream(self, response: StreamedResponse) -> UpstreamStream:
        """Read until part of an answer has arrived; the client has received nothing of what fails before."""
        if "json" in response.headers.get("content-type", ""):
            await self._reject_json(response)
        request = self._request
        pipeline = StreamPipeline(
            self._wire.framing(),
            self._reader,
            # dropped where only the gateway requested it
            drops_usage=self._wire.asks_usage and request.dialect == "openai" and not requests_usage(request.body),
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
                raise self._failures.protocol("ended its stream before the answer had begun", response.status)
            try:
                out = pipeline.feed(data)
            except UNREADABLE as error:
                raise self._failures.protocol("sent a stream that is not readable", response.status) from error
            if recorder.error is not None and not recorder.started:
                raise self._failures.from_error_event(recorder.error)
            if out:
                beginning.append(out)
            held_bytes += len(data)
            if held_bytes > MAX_HELD_BYTES and beginning:
                break
        return UpstreamStream(
            self._settings, response, pipeline, b"".join(beginning), self._failures, self._request.dialect
        )

    async def _reject_json(self, response: StreamedResponse) -> None:
        """Raise the failure for JSON in place of a stream: usually it is an error."""
        body = await response.read_prefix(MAX_ERROR_BYTES)
        if b'"error"' in body:
            raise self._failures.from_error_event(body)
        raise self._failures.protocol("sent no stream although one was requested", response.status)
