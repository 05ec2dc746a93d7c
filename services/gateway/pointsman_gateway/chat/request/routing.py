"""Routing: from the model that a client names, and its request, to a tier or an arm."""

from __future__ import annotations

from typing import NamedTuple

from pointsman.contracts.config import Config, tier_arms
from pointsman.core.bandit import Arm
from pointsman.core.features import RequestView
from pointsman_gateway.chat.errors import ChatError
from pointsman_gateway.chat.request.features import ChatFeatures

AUTO = "auto"
TIER_PREFIX = "tier/"
_LISTED_MODELS = 20
"""Most models that an error lists."""


class ChatRoute(NamedTuple):
    """Target of a request: a tier, whose policy chooses, or one arm that the client named.

    Attributes
    ----------
    direct: The client named the arm.
    difficulty: Score by which the tier was found, where the client left it open.
    previous_tier: Tier of the previous turn, where the client left the tier open and it is known.
    """

    tier: str
    arms: tuple[Arm, ...]
    direct: bool
    difficulty: float | None = None
    previous_tier: str | None = None


class Routing:
    """The models that clients can name."""

    def __init__(self, config: Config, features: ChatFeatures) -> None:
        self._features = features
        self._lenient = config.llm.unknown_model == AUTO
        self._tiers = {tier.name: tier_arms(tier) for tier in config.tier}
        self._direct: dict[str, ChatRoute] = {}
        for name, arms in self._tiers.items():
            for arm in arms:  # the first tier that has the arm
                self._direct.setdefault(str(arm), ChatRoute(name, (arm,), True))

    @property
    def models(self) -> list[str]:
        """Every model that can be named: ``auto``, the tiers that have arms, the arms."""
        tiers = [TIER_PREFIX + name for name, arms in self._tiers.items() if arms]
        return [AUTO, *tiers, *self._direct]

    def names_arm(self, model: str) -> bool:
        """Return whether the client names an arm."""
        return model in self._direct and not model.startswith(TIER_PREFIX)

    def is_auto(self, model: str) -> bool:
        """Return whether the client leaves the tier open."""
        if model == AUTO:
            return True
        return self._lenient and not model.startswith(TIER_PREFIX) and model not in self._direct

    def route(self, model: str, view: RequestView, previous_tier: str | None = None) -> ChatRoute:
        """Return the route of a request; the tier of the previous turn counts for a model that leaves the tier open.

        Raises
        ------
        ChatError
            404 for a model that does not exist; the text lists those that do.
        """
        if self.is_auto(model):
            if previous_tier is not None and not self._tiers.get(previous_tier):
                previous_tier = None
            tier, difficulty = self._features.tier(view, previous_tier)
            return ChatRoute(tier, self._arms(tier), False, difficulty, previous_tier)
        if self.names_arm(model):
            return self._direct[model]
        name = model.removeprefix(TIER_PREFIX)
        if name != model and self._tiers.get(name):
            return ChatRoute(name, self._tiers[name], False)
        raise self.unknown(model)

    def unknown(self, model: str) -> ChatError:
        """Return the error for a model that does not exist."""
        known = self.models
        more = f" and {len(known) - _LISTED_MODELS} more" if len(known) > _LISTED_MODELS else ""
        message = f"the model {model[:80]!r} does not exist; there are: {', '.join(known[:_LISTED_MODELS])}{more}"
        return ChatError(404, message, param="model", code="model_not_found")

    def _arms(self, tier: str) -> tuple[Arm, ...]:
        arms = self._tiers[tier]
        if not arms:
            message = f"tier {tier} has no arms of its own, so it cannot serve chat requests"
            raise ChatError(404, message, param="model", code="model_not_found")
        return arms
