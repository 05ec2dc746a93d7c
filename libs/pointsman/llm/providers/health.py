"""Health of a provider and of its models: what is called, and what is left alone for a while (ADR 0044).

A model that fails closes itself only. What concerns all models of a provider (no connection, a rejected key) closes the
provider.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from pointsman.runtime.breaker import Breaker

MAX_REASON_CHARS = 200
_MAX_MODELS = 4096


class Scope(Enum):
    """What a failure closes."""

    NOTHING = "nothing"  # the provider responded as it should: a refusal, a rate limit
    MODEL = "model"  # one model does not work
    PROVIDER = "provider"  # no model of the provider works


class Suspension(NamedTuple):
    """A provider, or a model of one, that is not called for a while.

    Attributes
    ----------
    model: None where the whole provider is not called.
    reason: The last failure.
    """

    provider: str
    model: str | None
    reason: str

    @property
    def subject(self) -> str:
        """``provider p`` or ``model p:m``."""
        return f"provider {self.provider}" if self.model is None else f"model {self.provider}:{self.model}"

    @property
    def text(self) -> str:
        """What a person reads after the subject."""
        return f"failed several times in a row and is not called for a while; last: {self.reason}"


class ProviderHealth:
    """Health of one provider; `model` has that of one of its models.

    ``failures``: consecutive failures after which something is closed. ``pause_s``: for how long; then one request at a
    time probes it.
    """

    def __init__(self, name: str, pause_s: float, failures: int) -> None:
        self.name = name
        self._pause_s = pause_s
        self._failures = failures
        self._models: dict[str, ModelHealth] = {}
        self.breaker = Breaker(pause_s, failures)
        self.reason = ""

    def model(self, model: str) -> ModelHealth:
        """Return the health of the model of an arm; more than `_MAX_MODELS` are not remembered."""
        known = self._models.get(model)
        if known is None:
            known = ModelHealth(self, model, Breaker(self._pause_s, self._failures))
            if len(self._models) < _MAX_MODELS:
                self._models[model] = known
        return known

    def suspension(self, now_s: float) -> Suspension | None:
        """Return why no model is called now; None when they are."""
        return None if self.breaker.would_admit(now_s) else Suspension(self.name, None, self.reason)

    def suspensions(self, now_s: float) -> Iterator[Suspension]:
        """Yield what is not called now: the provider, or else single models."""
        whole = self.suspension(now_s)
        if whole is not None:
            yield whole
            return
        for model in self._models.values():
            found = model.suspension(now_s)
            if found is not None:
                yield found


class ModelHealth:
    """Health of one model: it is called when its own breaker and that of its provider admit the request."""

    def __init__(self, provider: ProviderHealth, model: str, breaker: Breaker) -> None:
        self._provider = provider
        self._model = model
        self._breaker = breaker
        self._reason = ""

    def suspension(self, now_s: float) -> Suspension | None:
        """Return why the model is not called now; None when it is."""
        whole = self._provider.suspension(now_s)
        if whole is not None or self._breaker.would_admit(now_s):
            return whole
        return Suspension(self._provider.name, self._model, self._reason)

    def admits(self, now_s: float, timeout_s: float) -> bool:
        """Return whether to send a request now; it is the probe where the model or the provider was closed."""
        if self.suspension(now_s) is not None:
            return False
        return self._provider.breaker.admits(now_s, timeout_s) and self._breaker.admits(now_s, timeout_s)

    def succeeded(self, now_s: float) -> None:
        """Record an answer, or a refusal of a provider that works."""
        self._provider.breaker.succeeded(now_s)
        self._breaker.succeeded(now_s)

    def failed(self, scope: Scope, reason: str, sent_at_s: float, now_s: float, *, responded: bool) -> None:
        """Record a failure of a request sent at ``sent_at_s``.

        ``responded``: the provider sent an HTTP response, so that it can be reached.
        """
        provider, reason = self._provider, reason[:MAX_REASON_CHARS]
        if scope is Scope.PROVIDER:
            provider.reason = reason
            provider.breaker.failed(sent_at_s, now_s)
            self._breaker.abandoned()
            return
        self._reason = reason
        self._breaker.failed(sent_at_s, now_s)
        if responded:
            provider.breaker.succeeded(now_s)
        elif provider.breaker.is_open:  # a probe that was not answered
            provider.breaker.failed(sent_at_s, now_s)

    def abandoned(self) -> None:
        """Record that a request ended without a result, so that the next one may be the probe."""
        self._provider.breaker.abandoned()
        self._breaker.abandoned()
