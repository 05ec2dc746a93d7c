"""Effort in OpenAI's chat completions: ``reasoning_effort``.

OpenAI, Azure, OpenRouter, Gemini's compatible API, Ollama, LM Studio, llama.cpp, vLLM and Databricks read this field.

Reference: https://platform.openai.com/docs/api-reference/chat/create and
https://learn.microsoft.com/azure/ai-foundry/openai/how-to/reasoning for the fields that reasoning models refuse.
"""

from __future__ import annotations

from typing import Any

from pointsman.contracts.config.providers import ProviderConfig
from pointsman.llm.effort import EFFORTS
from pointsman.llm.providers.efforts.effort import AdaptedBody, Effort, require, without
from pointsman.llm.request import ChatRequest

_REFUSED = ("temperature", "top_p", "presence_penalty", "frequency_penalty")
"""Fields that OpenAI's models refuse while they reason; an answer is one without them."""
_NEWER_BOUND = "max_completion_tokens"
_AVAILABLE = {
    "ollama": ("none", "low", "medium", "high", "max"),
    "lmstudio": ("none", "low", "medium", "high"),
}
"""Efforts of servers that refuse the others. Elsewhere they depend on the model, and its error names them."""


class OpenAIEffort(Effort):
    """Effort of a model with OpenAI's API.

    Parameters
    ----------
    refuses_sampling : bool
        The models of this provider refuse `_REFUSED` and the older name of the bound on the answer.
    in_template : bool
        The server passes ``chat_template_kwargs`` to the template of the model, where older versions read the effort.
    """

    def __init__(self, level: str, *, refuses_sampling: bool = False, in_template: bool = False) -> None:
        super().__init__(level)
        self._refuses_sampling = refuses_sampling
        self._in_template = in_template

    def adapt(self, body: dict[str, Any], request: ChatRequest) -> AdaptedBody:
        """Return the body with ``reasoning_effort``."""
        dropped: tuple[str, ...] = ()
        if self._refuses_sampling and self.level != "none":
            body, dropped = without(body, _REFUSED)
            bound = body.pop("max_tokens", None)
            if bound is not None:
                body.setdefault(_NEWER_BOUND, bound)
        body = {**body, "reasoning_effort": self.level}
        if self._in_template:
            own = body.get("chat_template_kwargs")
            effort = {"reasoning_effort": self.level, "enable_thinking": self.level != "none"}
            body["chat_template_kwargs"] = {**(own if isinstance(own, dict) else {}), **effort}
        return AdaptedBody(body, dropped)


def openai_effort(config: ProviderConfig, names: tuple[str, ...], level: str) -> Effort:
    """Return an effort of a model, or raise `EffortNotAvailable`."""
    require(level, _AVAILABLE.get(config.name, EFFORTS), config.name)
    # The newer name of the bound is the mark of a provider with OpenAI's own models.
    return OpenAIEffort(
        level, refuses_sampling=config.max_tokens_field == _NEWER_BOUND, in_template=config.name == "llamacpp"
    )
