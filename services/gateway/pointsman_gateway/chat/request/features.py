"""Features of a chat request: the context for the policy, and the tier of a request that names none."""

from __future__ import annotations

from pointsman.contracts.config import Config, length_problem, request_extractor
from pointsman.core.bandit import conform
from pointsman.core.features import CHAT, ExtractionFailed, RequestView, chat_features
from pointsman.runtime.telemetry.logs import logger
from pointsman_gateway.chat.errors import ChatError

log = logger("gateway.chat.features")


class ChatFeatures:
    """Computes the context of a chat request, and the tier of one whose model is ``auto``.

    Attributes
    ----------
    label: Name and version of the extractor, for the decision log.
    names: Names of the features.

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
        """Return the context, shape (``context.dim``,); None when the extractor fails, so that no policy can choose.

        When the extractor returns another number of features, `ChatError` with 503 is raised.
        """
        if self._problem:
            raise ChatError(503, self._problem, code="features_do_not_fit")
        (latest_view, features), self._latest = self._latest or (None, []), None
        if self._is_chat and latest_view is view:  # computed by `tier`
            return conform(features, self._dim, "pad")
        try:
            return conform(self._extractor.extract(view), self._dim, "pad")
        except ExtractionFailed as error:
            log.error("the fallback arm serves, because feature extraction failed: %s", error)
            return None

    def tier(self, view: RequestView, previous: str | None = None) -> tuple[str, float]:
        """Return the tier of a request whose model is ``auto``, and its difficulty (0 to 1).

        The tier of the previous turn is kept unless the difficulty requires a higher one.
        """
        features = chat_features(view)
        self._latest = view, features
        difficulty = self._auto.score(features)
        if previous is None:
            return self._auto.tier(difficulty), difficulty
        return self._auto.next_tier(difficulty, previous), difficulty
