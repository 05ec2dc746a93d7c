"""Names of the features of a context."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pointsman.contracts.config import Config
from pointsman.core.features import builtin_extractor
from pointsman_gateway.chat.request.tier_features import LABEL


class FeatureView(msgspec.Struct, frozen=True, kw_only=True):
    """One feature of a context."""

    name: str
    value: float


class FeatureNames:
    """Names of the features, for chat requests and for contexts that clients send.

    A decision for a chat request records the extractor that made its context. Contexts of other decisions come from the
    client; their names are in ``[context] names``.

    ``label``: name and version of the extractor, as in the decision log.
    ``names``: names of the features that it extracts.
    """

    def __init__(self, config: Config, label: str, names: Sequence[str]) -> None:
        dim = config.context.dim
        self._label = label
        self._configured = list(config.context.names) or None
        self.extracted = [*names[:dim], *(f"padding {index}" for index in range(len(names), dim))]
        """Names of the extractor's features, cut or padded to the dimension of a context as the features are."""
        self.default = self._configured or (self.extracted if config.provider else None)
        """Names for contexts of unknown origin: as configured, else the extractor's if chat requests are served."""

    def for_decision(self, metadata: Mapping[str, Any] | None) -> list[str] | None:
        """Return the names for a logged decision's context; None when they are unknown."""
        label = (metadata or {}).get(LABEL)
        return self._configured if label is None else self.of_extractor(label)

    def of_extractor(self, label: object) -> list[str] | None:
        """Return the names of the features of an extractor, by its name and version; None when they are unknown."""
        if label == self._label:
            return self.extracted
        built_in = builtin_extractor(label) if isinstance(label, str) else None
        return None if built_in is None else list(built_in.names)


def name_features(names: Sequence[str] | None, context: Sequence[float]) -> list[FeatureView] | None:
    """Return a context by name; None without names, or if their number differs."""
    if names is None or len(names) != len(context):
        return None
    return [FeatureView(name=name, value=value) for name, value in zip(names, context, strict=True)]
