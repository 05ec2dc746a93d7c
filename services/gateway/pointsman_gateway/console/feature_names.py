"""What each number of a context is, where that is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pointsman.contracts.config import Config
from pointsman_gateway.console.trial_views import FeatureValue


class FeatureNames:
    """Names of features.

    A decision that the gateway made for a chat request says which extractor its context is from. Of others nobody knows
    but who sent them, who can say so in ``[context] names``.

    Parameters
    ----------
    config : Config
    label : str
        The extractor's name and version, as in the decision log.
    names : sequence of str
        What its numbers are.
    """

    def __init__(self, config: Config, label: str, names: Sequence[str]) -> None:
        self._label = label
        self._extracted = _as_long(names, config.context.dim)
        self._told = list(config.context.names) or None
        self._has_providers = bool(config.provider)

    @property
    def usual(self) -> list[str] | None:
        """The names of contexts in general: as configured, or else the extractor's where chat requests are served."""
        return self._told or (self._extracted if self._has_providers else None)

    @property
    def extracted(self) -> list[str]:
        """The names of what the extractor makes."""
        return self._extracted

    def of_decision(self, metadata: Mapping[str, Any] | None) -> list[str] | None:
        """Return the names of a logged decision's context; None when they are not known."""
        label = (metadata or {}).get("features")
        if label is not None:
            return self._extracted if label == self._label else None
        return self._told


def named(names: Sequence[str] | None, context: Sequence[float]) -> list[FeatureValue] | None:
    """Return a context by name; None where the names are not known, or are not of this context."""
    if names is None or len(names) != len(context):
        return None
    return [FeatureValue(name=name, value=value) for name, value in zip(names, context, strict=True)]


def _as_long(names: Sequence[str], dim: int) -> list[str]:
    """Return names for a context that was padded with zeros, or cut, to ``dim`` numbers."""
    return [*names[:dim], *(f"padding {at}" for at in range(len(names), dim))]
