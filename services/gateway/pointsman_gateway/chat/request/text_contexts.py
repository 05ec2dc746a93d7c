"""Contexts of texts for a tier: by the extractor whose contexts the tier has learned from."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.core.features import RequestView
from pointsman_gateway.backends import Backends
from pointsman_gateway.chat.errors import ChatError
from pointsman_gateway.chat.request.features import ChatFeatures
from pointsman_gateway.chat.request.tier_features import TierFeaturesReader
from pointsman_gateway.http.problems import ProblemError

LOOK_UP_TIMEOUT_S = 5.0
RETRY = (("retry-after", "1"),)


class TextContexts(NamedTuple):
    """The contexts of texts in one tier.

    Attributes
    ----------
    of: Returns the context of a text. Raises `ProblemError` when the extractor fails.
    label: Name and version of the extractor.
    notice: Why the contexts may mean something else to the tier; empty when they are the same.
    """

    of: Callable[[RequestView], list[float]]
    label: str
    notice: str


async def text_contexts(
    backends: Backends, features: ChatFeatures, reader: TierFeaturesReader, tier: str, field: str
) -> TextContexts:
    """Return the contexts of texts in a tier.

    Raise `InvalidMessage` for ``field`` if the tier has learned from an extractor that this gateway does not have.
    """
    found = await reader.read(tier, LOOK_UP_TIMEOUT_S)
    other = reader.extractor(found, backends.config.context.dim)
    if other is not None:
        return TextContexts(other.extract, other.label, "")
    problem = reader.problem(tier, found)
    if problem and found.label is not None:
        raise InvalidMessage(field, f"{problem}; send a context")

    def of(view: RequestView) -> list[float]:
        try:
            context = features.context(view)
        except ChatError as error:
            raise ProblemError(503, str(error), headers=RETRY) from error
        if context is None:
            raise ProblemError(503, "the features of the request could not be extracted; see the log of the gateway")
        return context

    return TextContexts(of, features.label, problem)
