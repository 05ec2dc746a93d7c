"""What was learned from the refusals of one model, until it expires."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from time import monotonic

from pointsman.llm.providers.capabilities.requirements import (
    INPUT_LENGTH,
    OUTPUT_LENGTH,
    length,
    refused_length,
    refused_requirement,
    requirements,
)
from pointsman.llm.providers.failure import ProviderError
from pointsman.llm.providers.faults.fault import Fault
from pointsman.llm.providers.faults.judge import REFUSALS
from pointsman.llm.request import ChatRequest, Dialect
from pointsman.runtime.telemetry.logs import logger

log = logger("providers.refusals")

EXPIRY_S = 3600.0
"""Servers are upgraded and models replaced: after this time one request asks again."""
MAX_REMEMBERED = 64
MAX_UNEXPLAINED = 5
"""Requests of clients of one dialect, refused in a row in words that are not known, after which the model gets no more.

The gateway translates them, so that it may be at fault; but wherever it is, such a model answers none of them.
"""


class Refusals:
    """What one model refuses: features with an adaptation, features without one, and limits of length.

    In the memory of this process. A model whose refusals have expired is asked again.
    """

    def __init__(self, model: str = "") -> None:
        self._model = model  # for the log
        self._until_s: dict[str, float] = {}
        self._lengths: dict[str, int] = {}
        self._unexplained: Counter[Dialect] = Counter()

    def adaptations(self) -> tuple[str, ...]:
        """Return the features to adapt before a request is sent, in the order in which they were learned."""
        return tuple(name for name in self._current() if name not in self._lengths and name not in _WITHOUT_ADAPTATION)

    def adapted(self, features: Iterable[str]) -> None:
        """Remember features that the model has refused, where it answers without them."""
        for feature in features:
            self._remember(feature)

    def refused(self, error: ProviderError, request: ChatRequest) -> bool:
        """Remember why the model refused a request that another one has answered; return whether that is known.

        Until it expires, the model is no candidate for requests like this one.
        """
        features = error.verdict.features
        needed = refused_requirement(features, request)
        if needed is not None:
            return self._remember(needed)
        if not features and error.verdict.fault is Fault.GATEWAY and error.status in REFUSALS:
            self._unexplained[request.dialect] += 1
            return self._unexplained[request.dialect] >= MAX_UNEXPLAINED and self._remember(_CLIENTS[request.dialect])
        limit = features[0] if features else ""
        found = refused_length(limit, request, error.text) if limit in (INPUT_LENGTH, OUTPUT_LENGTH) else None
        if found is None or not self._remember(limit):
            return False
        self._lengths[limit] = min(found, self._lengths.get(limit, found))
        return True

    def excludes(self, request: ChatRequest) -> str | None:
        """Return the feature for which the model is no candidate for a request; None when it is one."""
        current = self._current()
        if not current:
            return None
        if _CLIENTS[request.dialect] in current:
            return _CLIENTS[request.dialect]
        for limit, refused in self._lengths.items():
            wanted = length(limit, request) if limit in current else None
            if wanted is not None and wanted >= refused:
                return limit
        excluding = [name for name in current if name in _EXCLUDING]
        if not excluding:
            return None
        needed = requirements(request)
        return next((name for name in excluding if name in needed), None)

    def served(self, request: ChatRequest) -> None:
        """Forget what a request that was answered has refuted."""
        self._unexplained.pop(request.dialect, None)
        while (refuted := self.excludes(request)) is not None:
            self._until_s.pop(refuted, None)
            self._lengths.pop(refuted, None)

    def names(self) -> list[str]:
        """Return the names of all that is remembered."""
        return sorted(self._current())

    def _remember(self, feature: str) -> bool:
        current = self._current()
        if feature not in current and len(current) >= MAX_REMEMBERED:
            return False
        if feature not in current:
            log.info("%s refuses %s; for an hour, requests are changed for it or sent to others", self._model, feature)
        self._until_s[feature] = monotonic() + EXPIRY_S
        return True

    def _current(self) -> dict[str, float]:
        """Return what has not expired."""
        if not self._until_s:
            return self._until_s
        now_s = monotonic()
        for name in [name for name, until_s in self._until_s.items() if until_s <= now_s]:
            del self._until_s[name]
            self._lengths.pop(name, None)
        return self._until_s


_CLIENTS: dict[Dialect, str] = {"openai": "clients of openai", "anthropic": "clients of anthropic"}
_EXCLUDING = frozenset(
    {
        "tools",
        "tool_choice",
        "images",
        "documents",
        "audio",
        "json_schema",
        "json_object",
        "prefill",
        "logprobs",
        "logit_bias",
        "stop",
        "n",
    }
)
_WITHOUT_ADAPTATION = _EXCLUDING.union(_CLIENTS.values())
