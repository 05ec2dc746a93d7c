"""One model of one provider: encodes a request, sends it, retries it, returns the answer in the client's dialect."""

from __future__ import annotations

import asyncio
from time import monotonic

from pointsman.llm.providers.answer import Answer
from pointsman.llm.providers.capabilities.changes import Changes
from pointsman.llm.providers.capabilities.refusals import Refusals
from pointsman.llm.providers.failure import NOT_SENT, GatewayLimit, ProviderError, Untranslatable
from pointsman.llm.providers.health import ModelHealth, Scope
from pointsman.llm.providers.kinds.wire import ProviderRequest, Wire
from pointsman.llm.providers.provider_call import ProviderCall
from pointsman.llm.providers.retry_policy import retry_delay_s
from pointsman.llm.providers.settings import ProviderSettings
from pointsman.llm.providers.translation import encode_request
from pointsman.llm.request import ChatRequest
from pointsman.runtime.http.client import HttpClient
from pointsman.runtime.http.errors import LimitReached
from pointsman.runtime.http.slots import ConnectionSlot


class Upstream:
    """One model of one provider.

    Attributes
    ----------
    refusals: What the model is known to refuse.
    """

    def __init__(
        self, settings: ProviderSettings, client: HttpClient, health: ModelHealth, wire: Wire, model: str
    ) -> None:
        config = settings.config
        self.provider = settings.name
        self.model = model
        self._settings = settings
        self._client = client
        self._health = health
        self.refusals = Refusals(f"{settings.name}:{model}")
        self._wire = wire
        self._stream_timeout_s = config.first_byte_timeout_ms / 1000.0
        self._answer_timeout_s = config.answer_timeout_ms / 1000.0
        self._max_retry_after_s = config.max_retry_after_ms / 1000.0

    @property
    def form(self) -> object:
        """What decides whether a request can be translated: the same for most models of a kind."""
        return type(self._wire), self._wire.variant

    def passes(self, request: ChatRequest) -> bool:
        """Return whether a request is passed on without a translation."""
        return request.dialect == self._wire.dialect and not self._wire.translates

    def rejection(self, request: ChatRequest) -> Untranslatable | None:
        """Return why the request cannot be translated to the provider's dialect; None when it can. Sends nothing."""
        try:
            encode_request(request, self._wire)
        except Untranslatable as error:
            return error
        return None

    async def reserve(self, request: ChatRequest) -> ConnectionSlot:
        """Wait for a connection, and return its slot for `open`; raise `GatewayLimit` when none is free in time."""
        slot = self._client.slot()
        try:
            await slot.take()
        except LimitReached as error:
            raise GatewayLimit(error, f"{self.provider}: {error}", dialect=request.dialect) from error
        return slot

    async def open(self, request: ChatRequest, slot: ConnectionSlot | None = None) -> Answer:
        """Send a request; return when the first byte of an answer has arrived (all of it, when it is not a stream).

        Failures are retried as `retry_policy` and the provider's settings allow, unless its circuit breaker is open.
        The last one is raised as `ProviderError`. The slot is released with the answer, and when there is none.
        """
        slot = slot or await self.reserve(request)
        try:
            return await self._open(request, slot)
        except BaseException:
            slot.release()
            raise

    async def _open(self, request: ChatRequest, slot: ConnectionSlot) -> Answer:
        encoded = encode_request(request, self._wire)
        changes = Changes(self.refusals.adaptations(), fixed_effort=self._wire.effort is not None)
        provider_request = await self._changed(changes, encoded.body, request)
        timeout_s = self._stream_timeout_s if request.stream else self._answer_timeout_s
        tries, retries = 0, 0
        while True:
            await slot.take()
            sent_at_s = monotonic()
            if not self._health.admits(sent_at_s, timeout_s):
                raise self._suspended(request, tries)
            tries += 1
            try:
                call = ProviderCall(self._settings, self._wire, self.model, request, encoded.tool_names, timeout_s)
                answer = await call.send(self._client, provider_request, slot)
            except ProviderError as error:
                self._record_failure(error, sent_at_s)
                error.tries = tries
                if self._rejects_usage(error, request):
                    self._wire.asks_usage = False
                    encoded = encode_request(request, self._wire)
                    provider_request = await self._changed(changes, encoded.body, request)
                    continue
                if changes.adapt(error, encoded.body):
                    provider_request = await self._changed(changes, encoded.body, request)
                    continue
                retries += 1
                delay_s = retry_delay_s(retries, error.retry_after_s, self._max_retry_after_s)
                if not error.retryable or retries > self._settings.config.retries or delay_s is None:
                    raise
            except BaseException:
                self._health.abandoned()
                raise
            else:
                self._health.succeeded(monotonic())
                self.refusals.adapted(changes.of_model)
                self.refusals.served(request)
                answer.tries, answer.adapted = tries, (*encoded.adapted, *changes.labels)
                return answer
            await asyncio.sleep(delay_s)

    async def _changed(self, changes: Changes, body: bytes, request: ChatRequest) -> ProviderRequest:
        return changes.request(await self._wire.provider_request(changes.body(body), request))

    def _suspended(self, request: ChatRequest, tries: int) -> ProviderError:
        found = self._health.suspension(monotonic())
        # Without one, the pause has just ended: another request is the probe.
        text = f"{found.subject} {found.text}" if found else f"{self.provider}:{self.model} is being tried again"
        return ProviderError("unavailable", text, dialect=request.dialect, tries=tries)

    def _record_failure(self, error: ProviderError, sent_at_s: float) -> None:
        closes = error.verdict.closes
        if error.kind in NOT_SENT:
            self._health.abandoned()
        elif closes is Scope.NOTHING:
            self._health.succeeded(monotonic())
        else:
            responded = error.status is not None
            self._health.failed(closes, error.text, sent_at_s, monotonic(), responded=responded)

    def _rejects_usage(self, error: ProviderError, request: ChatRequest) -> bool:
        """Return whether a provider rejects the ``stream_options`` that only the gateway sends."""
        added = request.stream and self._wire.asks_usage and "stream_options" not in request.body
        return added and error.blames_request and "stream_options" in error.text
