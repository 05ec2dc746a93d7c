"""From the model that a client names, and what it asks, to a tier or an arm."""

from __future__ import annotations

from typing import NamedTuple

from pointsman.bandit import Arm
from pointsman.config import Config, tier_arms
from pointsman.features import RequestView
from services.gateway.llm.errors import LlmError
from services.gateway.llm.seeing import ChatFeatures

AUTO = "auto"
TIER_PREFIX = "tier/"
_SHOWN = 20
"""How many models an error names."""


class Route(NamedTuple):
    """Where a request goes: to a tier, whose policy chooses; or to one arm, because the client named it.

    Attributes
    ----------
    score : float or None
        By which the tier was found, where the client left that open.
    """

    tier: str
    arms: tuple[Arm, ...]
    direct: bool
    score: float | None = None


class Routing:
    """The models that clients can name.

    Parameters
    ----------
    config : Config
    features : ChatFeatures
    """

    def __init__(self, config: Config, features: ChatFeatures) -> None:
        self._features = features
        self._lenient = config.llm.unknown_model == AUTO
        self._tiers = {tier.name: tier_arms(tier) for tier in config.tier}
        self._direct: dict[str, Route] = {}
        for name, arms in self._tiers.items():
            for arm in arms:  # the first tier that has it
                self._direct.setdefault(str(arm), Route(name, (arm,), True))

    @property
    def models(self) -> list[str]:
        """Every model that can be named: ``auto``, the tiers that have arms, the arms."""
        tiers = [TIER_PREFIX + name for name, arms in self._tiers.items() if arms]
        return [AUTO, *tiers, *self._direct]

    def route(self, model: str, view: RequestView) -> Route:
        """Return where a request goes.

        Raises
        ------
        LlmError
            404 for a model that does not exist, naming those that do.
        """
        if model == AUTO:
            return self._to_tier(*self._features.tier(view))
        if model.startswith(TIER_PREFIX):
            name = model.removeprefix(TIER_PREFIX)
            if self._tiers.get(name):
                return self._to_tier(name)
        elif (direct := self._direct.get(model)) is not None:
            return direct
        elif self._lenient:
            return self._to_tier(*self._features.tier(view))
        raise self.unknown(model)

    def unknown(self, model: str) -> LlmError:
        """Return the error for a model that does not exist."""
        known = self.models
        more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
        message = f"the model {model[:80]!r} does not exist; there are: {', '.join(known[:_SHOWN])}{more}"
        return LlmError(404, message, param="model", code="model_not_found")

    def _to_tier(self, name: str, score: float | None = None) -> Route:
        arms = self._tiers[name]
        if not arms:
            message = f"tier {name} has no arms of its own, so it cannot serve chat requests"
            raise LlmError(404, message, param="model", code="model_not_found")
        return Route(name, arms, False, score)
