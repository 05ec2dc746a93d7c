"""Effort of Bedrock's models, in ``additionalModelRequestFields`` of Converse.

Reference: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html and
https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html.
"""

from __future__ import annotations

from typing import Any

from pointsman.contracts.config.providers import ProviderConfig
from pointsman.llm.effort import EFFORTS
from pointsman.llm.providers.efforts.claude import claude_effort, is_claude
from pointsman.llm.providers.efforts.effort import AdaptedBody, Effort, require, without
from pointsman.llm.request import ChatRequest

_LEVELS = ("low", "medium", "high")
_REFUSED_AT_HIGH = ("max_tokens", "temperature", "top_p")


class NovaEffort(Effort):
    """Effort of Amazon's Nova 2, which at ``high`` accepts no bound and no sampling parameters."""

    def __init__(self, level: str) -> None:
        enabled = {"type": "enabled", "maxReasoningEffort": level}
        super().__init__(level, {"reasoningConfig": {"type": "disabled"} if level == "none" else enabled})

    def adapt(self, body: dict[str, Any], request: ChatRequest) -> AdaptedBody:
        """Return the body without what the model refuses."""
        return without(body, _REFUSED_AT_HIGH) if self.level == "high" else AdaptedBody(body)


def bedrock_effort(config: ProviderConfig, names: tuple[str, ...], level: str) -> Effort:
    """Return an effort of a model, or raise `EffortNotAvailable`; ``names`` are those that it is known by."""
    names = tuple(dict.fromkeys((*names, *config.names_of(names[-1]))))
    if any(is_claude(name) for name in names):
        return claude_effort(config, names, level)
    known = " ".join(names)
    if "nova-2" in known:
        require(level, ("none", *_LEVELS), names[0])
        return NovaEffort(level)
    if "gpt-oss" in known:
        require(level, _LEVELS, names[0])
        return Effort(level, {"reasoning_effort": level})
    require(level, EFFORTS if "openai." in known else (), names[0])
    return Effort(level, {"reasoning": {"effort": level}})
