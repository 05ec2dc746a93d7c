"""An extractor as a user of Pointsman writes one; it fails on a word of a test."""

from __future__ import annotations

from pointsman.core.features import RequestView

FAILS_ON = "unspeakable"


class OwnFeatures:
    """A constant, the length, and whether the answer is streamed."""

    names = ("bias", "length", "streaming")
    version = "2026-11"
    dim = 3

    def extract(self, view: RequestView) -> list[float]:
        if FAILS_ON in view.last_user_text:
            raise ValueError(view.last_user_text)
        return [1.0, len(view.last_user_text) / 1000.0, float(view.stream)]
