"""Three features, as many as the configuration of these tests has."""

from __future__ import annotations

from pointsman.core.features import RequestView


class Three:
    """The least that an extractor can be."""

    names = ("one", "messages", "constant")
    version = 1
    dim = 3

    def extract(self, view: RequestView) -> list[float]:
        return [1.0, min(1.0, view.turns / 10.0), 0.5]
