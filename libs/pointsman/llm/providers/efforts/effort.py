"""The effort of an arm at one provider, and its request."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from pointsman.llm.effort import EFFORTS
from pointsman.llm.request import ChatRequest


class EffortNotAvailable(Exception):
    """The provider or the model does not have the effort of an arm; the text lists those that it has."""


class AdaptedBody(NamedTuple):
    """A request with an effort; ``dropped`` are the fields of the client that cannot be sent with it."""

    body: dict[str, Any]
    dropped: tuple[str, ...] = ()


class Effort:
    """An effort of a model. The base class has no effect on a request.

    Attributes
    ----------
    level: One of `EFFORTS`.
    model_fields: For Bedrock's Converse: fields of ``additionalModelRequestFields``.
    """

    def __init__(self, level: str, model_fields: dict[str, Any] | None = None) -> None:
        self.level = level
        self.model_fields = model_fields or {}

    def adapt(self, body: dict[str, Any], request: ChatRequest) -> AdaptedBody:
        """Return a body in the provider's dialect, in which the client sets no effort, with this effort."""
        return AdaptedBody(body)


def require(level: str, available: Collection[str], model: str) -> None:
    """Raise `EffortNotAvailable` when a model does not have an effort."""
    if level in available:
        return
    if not available:
        raise EffortNotAvailable(f"{model} has no efforts, so the effort {level!r} cannot be sent")
    has = ", ".join(effort for effort in EFFORTS if effort in available)
    raise EffortNotAvailable(f"{model} does not have the effort {level!r}; it has {has}")


def without(body: dict[str, Any], names: Collection[str]) -> AdaptedBody:
    """Return a body without fields, and which of them it had."""
    dropped = tuple(name for name in names if body.get(name) is not None)
    return AdaptedBody({name: value for name, value in body.items() if name not in names}, dropped)
