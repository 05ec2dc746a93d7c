"""Which features a tier has learned from: contexts of another extractor have the right length and another meaning."""

from __future__ import annotations

from typing import NamedTuple

from pointsman.contracts.messages.codec import decode
from pointsman.contracts.messages.decision import event_decoder
from pointsman.contracts.messages.errors import MessageError
from pointsman.contracts.messages.subjects import DECISIONS, decision_log
from pointsman.core.features import CheckedExtractor, builtin_extractor
from pointsman.runtime.bus import BusError
from pointsman.runtime.telemetry.logs import logger
from pointsman_gateway.backends import Backends

log = logger("gateway.chat.features")

WARN_TIMEOUT_S = 0.5
"""How long the first chat request of a tier may wait for the look-up."""
LABEL = "features"
"""Where the metadata of a decision have the name and version of the extractor of its context."""


class TierFeatures(NamedTuple):
    """The origin of the contexts in a tier's log, by its last decision.

    Attributes
    ----------
    label: Name and version of the extractor; None when the client computed the context and did not name one.
    is_known: Whether there is a decision at all.
    """

    label: str | None = None
    is_known: bool = False


class TierFeaturesReader:
    """Reads the origin of a tier's contexts, and compares it with this gateway's extractor (``own_label``)."""

    def __init__(self, backends: Backends, own_label: str) -> None:
        self._backends = backends
        self._own_label = own_label
        self._checked: set[str] = set()

    async def read(self, tier: str, timeout_s: float) -> TierFeatures:
        """Return the origin; raise `BusError` when the log cannot be read."""
        last = await self._backends.require_bus().last(DECISIONS, decision_log(tier), timeout_s)
        if last is None:
            return TierFeatures()
        try:
            metadata = decode(event_decoder, last.data).metadata or {}
        except MessageError:
            return TierFeatures()
        label = metadata.get(LABEL)
        return TierFeatures(label if isinstance(label, str) else None, is_known=True)

    def extractor(self, found: TierFeatures, dim: int) -> CheckedExtractor | None:
        """Return the built-in extractor of a tier that has learned from another one than this gateway's."""
        extractor = builtin_extractor(found.label) if found.label not in (None, self._own_label) else None
        return extractor if extractor is not None and extractor.dim == dim else None

    def problem(self, tier: str, found: TierFeatures) -> str:
        """Return why this gateway's features may mean something else to a tier; empty when they are the same."""
        if not found.is_known or found.label == self._own_label:
            return ""
        if found.label is None:
            return (
                f"the clients of tier {tier} send its contexts, so it is unknown whether they have the features of "
                f"{self._own_label}, which this gateway computes"
            )
        return f"tier {tier} has learned from the features of {found.label[:80]}, not of {self._own_label}"

    async def warn(self, tier: str) -> None:
        """Log the problem of a tier that serves chat requests, when its first one arrives."""
        if tier in self._checked:
            return
        self._checked.add(tier)
        try:
            problem = self.problem(tier, await self.read(tier, WARN_TIMEOUT_S))
        except BusError:
            self._checked.discard(tier)
            return
        if problem:
            log.warning("%s; use a tier of its own for chat requests, or the same features", problem)
