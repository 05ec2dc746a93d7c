"""What the gateway makes of a chat request: the context for the policy, and the tier of one that names none."""

from __future__ import annotations

from pointsman.contracts.config import Config, length_problem, request_extractor
from pointsman.core.bandit import conform
from pointsman.core.features import CHAT, ExtractionFailed, RequestView, chat_features
from pointsman.runtime.telemetry.logs import logger
from pointsman_gateway.chat.errors import LlmError

log = logger("gateway.llm")


class ChatFeatures:
    """What a policy sees of a chat request, and the tier of one whose model is ``auto``.

    Parameters
    ----------
    config : Config

    Attributes
    ----------
    label : str
        The extractor's name and version, for the decision log.
    names : tuple of str
        What its numbers are.

    Raises
    ------
    ConfigError
        The extractor cannot be loaded, or does not fit.
    """

    def __init__(self, config: Config) -> None:
        self._extractor = request_extractor(config)
        self._problem = length_problem(config, self._extractor)
        self._dim = config.context.dim
        self._auto = config.llm.tier_score([tier.name for tier in config.tier])
        self.label = self._extractor.label
        self._is_chat = config.llm.features in (None, CHAT)
        self._latest: tuple[RequestView, list[float]] | None = None
        self.names = self._extractor.names

    def context(self, view: RequestView) -> list[float] | None:
        """Return the context, ``context.dim`` numbers; None when the extractor fails, so that no policy can choose.

        Raises
        ------
        LlmError
            503: the extractor's contexts are of another length than ``context.dim``.
        """
        if self._problem:
            raise LlmError(503, self._problem, code="features_do_not_fit")
        (seen, features), self._latest = self._latest or (None, []), None
        if self._is_chat and seen is view:  # they have found the tier already
            return conform(features, self._dim, "pad")
        try:
            return conform(self._extractor.extract(view), self._dim, "pad")
        except ExtractionFailed as error:
            log.error("the fallback arm serves, because the features failed: %s", error)
            return None

    def tier(self, view: RequestView, before: str | None = None) -> tuple[str, float]:
        """Return the tier of a request whose model is ``auto``, and the score that it has it by.

        Parameters
        ----------
        before : str, optional
            The tier of the conversation's turn before, which it stays in unless the score asks for a higher one.
        """
        features = chat_features(view)
        self._latest = view, features
        score = self._auto.score(features)
        return self._auto.tier(score) if before is None else self._auto.next_tier(score, before), score
