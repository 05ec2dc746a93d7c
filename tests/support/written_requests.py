"""Requests from one dialect to another, in one call."""

from __future__ import annotations

from typing import Any

from pointsman.contracts.config.providers import MaxTokensField
from pointsman.llm.conversation.form import RequestForm
from pointsman.llm.conversation.read_anthropic import read_anthropic
from pointsman.llm.conversation.read_openai import read_openai
from pointsman.llm.conversation.target import ANTHROPIC, RequestTarget, converse_target
from pointsman.llm.conversation.write_anthropic import write_anthropic
from pointsman.llm.conversation.write_converse import write_converse
from pointsman.llm.conversation.write_openai import write_openai
from pointsman.llm.request import Dialect


def read(body: dict[str, Any], dialect: Dialect) -> RequestForm:
    """Return the form of a request."""
    return read_openai(body) if dialect == "openai" else read_anthropic(body)


def to_anthropic(body: dict[str, Any], default_max_tokens: int = 4096) -> dict[str, Any]:
    """Return a request of OpenAI's dialect in Anthropic's."""
    return write_anthropic(read_openai(body), ANTHROPIC._replace(default_max_tokens=default_max_tokens)).body


def to_openai(body: dict[str, Any], max_tokens_field: MaxTokensField = "max_tokens") -> dict[str, Any]:
    """Return a request of Anthropic's dialect in OpenAI's."""
    return write_openai(read_anthropic(body), RequestTarget(max_tokens_field=max_tokens_field)).body


def to_converse(body: dict[str, Any], model: str, dialect: Dialect = "anthropic") -> dict[str, Any]:
    """Return a request for Converse."""
    return write_converse(read(body, dialect), converse_target(model, claude="claude" in model)).body
