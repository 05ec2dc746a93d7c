"""What the gateway makes of a chat request: the context for the policy, and the tier of one that names none."""

from __future__ import annotations

from pointsman.bandit import conform
from pointsman.config import Config, length_problem, request_extractor
from pointsman.features import ExtractionFailed, RequestView, chat_features
from pointsman.observability.logs import logger
from services.gateway.llm.errors import LlmError

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

    def context(self, view: RequestView) -> list[float] | None:
        """Return the context, ``context.dim`` numbers; None when the extractor fails, so that no policy can choose.

        Raises
        ------
        LlmError
            503: the extractor's contexts are of another length than ``context.dim``.
        """
        if self._problem:
            raise LlmError(503, self._problem, code="features_do_not_fit")
        try:
            return conform(self._extractor.extract(view), self._dim, "pad")
        except ExtractionFailed as error:
            log.error("the fallback arm serves, because the features failed: %s", error)
            return None

    def tier(self, view: RequestView) -> tuple[str, float]:
        """Return the tier of a request whose model is ``auto``, and the score that it has it by."""
        score = self._auto.score(chat_features(view))
        return self._auto.tier(score), score
