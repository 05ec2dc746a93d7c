"""Chat endpoints of the gateway: ``[llm]``."""

import math
from collections.abc import Iterator
from typing import Literal

from pointsman.contracts.access.host_names import is_host
from pointsman.contracts.config.providers import LOCAL_HOST
from pointsman.contracts.config.section import Section
from pointsman.core.bounds import NonNegative, NonNegativeInt, PositiveInt, PositiveShare, Share
from pointsman.core.features import CHAT, CHAT_NAMES, EMBEDDING, MEANING, TierBound, TierScore
from pointsman.core.violations import Violation


class AutoTier(Section, frozen=True, kw_only=True):
    """``[[llm.auto]]``: a tier of the model ``auto``.

    Attributes
    ----------
    tier: Name of the tier.
    below: Upper limit of the difficulty, 0 to 1, of its requests (exclusive); only the last tier may have none.
    """

    tier: str
    below: PositiveShare | None = None


class LlmConfig(Section, frozen=True, kw_only=True):
    """``[llm]``: behaviour of ``/v1/chat/completions`` and ``/v1/messages``.

    Attributes
    ----------
    default_tier: The tier of the model ``auto`` when the request does not select one; the first tier by default.
    auto: The tiers of the model ``auto`` by the difficulty of a request; without them, always ``default_tier``.
    auto_weights: Weights of the difficulty by feature, in place of the built-in ones.
    features: Extractor of the context of a request: ``chat`` (the default), ``meaning``, ``prompt``,
        ``embedding`` or ``module:Class``.
    embedding_path: For ``embedding``: folder of the model.
    unknown_model: How to treat a model that is neither a tier nor an arm: respond 404, or treat it as ``auto``.
    session_ttl_s: How long after its last request a conversation keeps its arm; 0 disables this.
    switching_cost: The amount, in units of reward (0 to 1), by which the score of another arm must exceed that of the
        conversation's arm before the policy chooses again.
    local_host: Host of the servers ``ollama``, ``lmstudio``, ``llamacpp`` and ``vllm`` whose section has no
        ``base_url``. In a container, ``host.docker.internal`` is the machine that runs it.
    max_attempts: Largest number of arms that are tried for one request.
    max_body_bytes: Largest request body on these routes.
    finish_timeout_ms: Older name of ``gateway.drain_timeout_s``, in milliseconds; it counts when it is set.
    outcome_retry_s: How long to retry publishing an outcome that NATS does not accept; then it is lost.
    """

    default_tier: str | None = None
    auto: list[AutoTier] = []
    auto_weights: dict[str, float] = {}
    features: str | None = None
    embedding_path: str | None = None
    unknown_model: Literal["refuse", "auto"] = "refuse"
    session_ttl_s: NonNegativeInt = 3600
    switching_cost: Share = 0.05
    local_host: str = LOCAL_HOST
    max_attempts: PositiveInt = 3
    max_body_bytes: PositiveInt = 20 * 1024 * 1024
    finish_timeout_ms: PositiveInt | None = None
    outcome_retry_s: NonNegative = 300.0

    def tier_score(self, tiers: list[str]) -> TierScore:
        """Return the selection of the tier for the model ``auto``; ``tiers`` are the names of all tiers."""
        bounds = [TierBound(auto.tier, auto.below) for auto in self.auto]
        return TierScore(bounds, self.default_tier or tiers[0], self.auto_weights)

    def problems(self) -> Iterator[Violation]:
        """Yield the problems of this section. Only the gateway needs the extractor, so it is not loaded here."""
        if not is_host(self.local_host):
            yield Violation("local_host", f"expected a host without scheme and port, got {self.local_host[:100]!r}")
        previous = 0.0
        for index, auto in enumerate(self.auto):
            if auto.below is None and index < len(self.auto) - 1:
                yield Violation(f"auto[{index}].below", "required for all tiers but the last")
            elif auto.below is not None and auto.below <= previous:
                yield Violation(f"auto[{index}].below", f"expected more than {previous:g}, got {auto.below:g}")
            previous = auto.below or previous
        for name, weight in self.auto_weights.items():
            if name not in CHAT_NAMES:
                yield Violation(f"auto_weights.{name}", f"unknown feature; the features are: {', '.join(CHAT_NAMES)}")
            elif math.isnan(weight):
                yield Violation(f"auto_weights.{name}", "expected a finite number, got nan")
        name = self.features or CHAT
        if name not in (CHAT, MEANING, EMBEDDING) and not all(name.partition(":")):
            yield Violation("features", f"expected {CHAT}, {MEANING}, {EMBEDDING} or module:Class, got {name!r}")
        if name == EMBEDDING and not self.embedding_path:
            yield Violation("embedding_path", "required for features = 'embedding'")
        if name != EMBEDDING and self.embedding_path is not None:
            yield Violation("embedding_path", "requires features = 'embedding'")
