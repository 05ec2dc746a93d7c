"""What a provider's model accepts, as far as it decides how a request is written."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from pointsman.contracts.config.providers import MaxTokensField

CachePoints = Literal["none", "messages", "all"]


class RequestTarget(NamedTuple):
    """What one model of one provider accepts.

    Attributes
    ----------
    max_tokens_field: Name of the bound on the answer in OpenAI's dialect.
    default_max_tokens: The bound where the provider requires one and the client set none.
    claude: The model is a Claude, and has Claude's own fields.
    cache_points: Where cache marks are sent: nowhere, everywhere but at tools, or everywhere.
    id_pattern, max_id_chars: Ids of tool calls.
    max_name_chars: Length of the names of tools, which are letters, digits, ``_`` and ``-``.
    """

    max_tokens_field: MaxTokensField = "max_tokens"
    default_max_tokens: int = 4096
    claude: bool = False
    cache_points: CachePoints = "none"
    id_pattern: re.Pattern[str] = re.compile(r"[^\x00-\x1f]+")
    max_id_chars: int = 40
    max_name_chars: int = 64


_ID = re.compile("[a-zA-Z0-9_-]+")
ANTHROPIC = RequestTarget(claude=True, cache_points="all", id_pattern=_ID, max_id_chars=64, max_name_chars=128)
CONVERSE = RequestTarget(id_pattern=_ID, max_id_chars=64)
"""AWS' older pages do not have ``.`` and ``:`` among the characters of an id, so they are not used."""


def converse_target(model: str, *, claude: bool) -> RequestTarget:
    """Return what a model of Bedrock accepts: only Claude and Nova have a prompt cache."""
    if claude:
        return CONVERSE._replace(claude=True, cache_points="all")
    return CONVERSE._replace(cache_points="messages" if "nova" in model else "none")
