"""The changes of one request for its model: from what is known of the model, and from the refusals of this request."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec
from multidict import CIMultiDict

from pointsman.llm.providers.capabilities.adaptations import ADAPTATIONS, NOT_OF_THE_MODEL, OF_EFFORT, Body
from pointsman.llm.providers.failure import ProviderError
from pointsman.llm.providers.kinds.wire import ProviderRequest

MAX_CHANGES = 8
"""Most refusals of one request after which it is changed and sent again."""
BETA = "anthropic-beta"


class Changes:
    """The changes of one request.

    ``known``: features that the model is known to refuse. ``fixed_effort``: the effort is the arm's, and stays.

    Attributes
    ----------
    labels: What was changed, for the client.
    learned: Features that this request has shown to be refused, to be remembered when the changed request is answered.
    """

    def __init__(self, known: Iterable[str], *, fixed_effort: bool) -> None:
        self._features = [name for name in known if not (fixed_effort and name in OF_EFFORT)]
        self._fixed_effort = fixed_effort
        self._body: Body | None = None
        self._headers: CIMultiDict[str] = CIMultiDict()
        self.labels: tuple[str, ...] = ()
        self.learned: list[str] = []

    def body(self, encoded: bytes) -> bytes:
        """Return the body to send in place of an encoded one."""
        self._body = None
        self.labels = ()
        if not self._features:
            return encoded
        body: Body = msgspec.json.decode(encoded)
        changed = body
        for feature in self._features:
            changed = self._applied(feature, changed)
        self._body = changed
        return encoded if changed is body else msgspec.json.encode(changed)

    def request(self, request: ProviderRequest) -> ProviderRequest:
        """Return a request without the beta features that the model refuses."""
        self._headers = request.headers
        refused = {name.partition(":")[2] for name in self._features if name.startswith(f"{BETA}:")}
        if not refused or BETA not in request.headers:
            return request
        headers = request.headers.copy()
        values = [value.strip() for value in headers[BETA].split(",")]
        kept = [value for value in values if value not in refused]
        if len(kept) == len(values):
            return request
        self.labels += tuple(f"{BETA}:{value}" for value in values if value in refused)
        del headers[BETA]
        if kept:
            headers[BETA] = ",".join(kept)
        return request._replace(headers=headers)

    def adapt(self, error: ProviderError, encoded: bytes) -> bool:
        """Return whether a change follows from a refusal, so that the request can be sent again."""
        if len(self.learned) >= MAX_CHANGES:
            return False
        body = self._body
        for feature in error.verdict.features:
            if feature == BETA:
                values = self._refused_betas(error.text)
                if values:
                    self._learn(f"{BETA}:{value}" for value in values)
                    return True
            elif feature in ADAPTATIONS and feature not in self._features:
                if self._fixed_effort and feature in OF_EFFORT:
                    continue
                if body is None:
                    body = msgspec.json.decode(encoded)
                if ADAPTATIONS[feature][0](body) is not None:
                    self._learn([feature])
                    return True
        return False

    @property
    def of_model(self) -> list[str]:
        """What the refusals of this request have shown of the model."""
        return [name for name in self.learned if name not in NOT_OF_THE_MODEL]

    def _learn(self, features: Iterable[str]) -> None:
        for feature in features:
            self._features.append(feature)
            self.learned.append(feature)

    def _applied(self, feature: str, body: Body) -> Body:
        change, label = ADAPTATIONS.get(feature, (None, ""))
        changed = change(body) if change is not None else None
        if changed is None:
            return body
        if label not in self.labels:
            self.labels += (label,)
        return changed

    def _refused_betas(self, text: str) -> list[str]:
        """Return the beta features of the request that a refusal names; all of them where it names none."""
        sent = [value.strip() for value in self._headers.get(BETA, "").split(",") if value.strip()]
        sent = [value for value in sent if f"{BETA}:{value}" not in self._features]
        named = [value for value in sent if re.search(rf"(?<![\w-]){re.escape(value)}(?![\w-])", text)]
        return named or sent
