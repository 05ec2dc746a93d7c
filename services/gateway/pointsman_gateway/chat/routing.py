"""From the model that a client names, and what it asks, to a tier or an arm."""

from __future__ import annotations

from typing import NamedTuple

from pointsman.contracts.config import Config, tier_arms
from pointsman.core.bandit import Arm
from pointsman.core.features import RequestView
from pointsman_gateway.chat.errors import LlmError
from pointsman_gateway.chat.seeing import ChatFeatures

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
    before : str or None
        The tier of the conversation's turn before, where the client left the tier open and that is known.
    """

    tier: str
    arms: tuple[Arm, ...]
    direct: bool
    score: float | None = None
    before: str | None = None


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

    def names_arm(self, model: str) -> bool:
        """Tell whether it is an arm that the client names."""
        return model in self._direct and not model.startswith(TIER_PREFIX)

    def is_auto(self, model: str) -> bool:
        """Tell whether the client leaves the tier open."""
        if model == AUTO:
            return True
        return self._lenient and not model.startswith(TIER_PREFIX) and model not in self._direct

    def route(self, model: str, view: RequestView, before: str | None = None) -> Route:
        """Return where a request goes.

        Parameters
        ----------
        before : str, optional
            The tier of the conversation's turn before, for a model that leaves the tier open.

        Raises
        ------
        LlmError
            404 for a model that does not exist, naming those that do.
        """
        if self.is_auto(model):
            before = before if before is not None and self._tiers.get(before) else None
            tier, score = self._features.tier(view, before)
            return Route(tier, self._arms(tier), False, score, before)
        if self.names_arm(model):
            return self._direct[model]
        name = model.removeprefix(TIER_PREFIX)
        if name != model and self._tiers.get(name):
            return Route(name, self._tiers[name], False)
        raise self.unknown(model)

    def unknown(self, model: str) -> LlmError:
        """Return the error for a model that does not exist."""
        known = self.models
        more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
        message = f"the model {model[:80]!r} does not exist; there are: {', '.join(known[:_SHOWN])}{more}"
        return LlmError(404, message, param="model", code="model_not_found")

    def _arms(self, tier: str) -> tuple[Arm, ...]:
        arms = self._tiers[tier]
        if not arms:
            message = f"tier {tier} has no arms of its own, so it cannot serve chat requests"
            raise LlmError(404, message, param="model", code="model_not_found")
        return arms
