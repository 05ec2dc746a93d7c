"""What all translations from and to Anthropic's messages share: parts of a request, and the shapes of an answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from pointsman.llm.translate.body_reader import BodyReader, field_names

read = BodyReader("anthropic")

REQUEST_FIELDS = field_names(
    "betas cache_control context_management max_tokens messages metadata model output_config service_tier speed "
    "stop_sequences stream system temperature thinking tool_choice tools top_k top_p"
)


class Tool(NamedTuple):
    """A tool that a request offers; ``block`` is all of it."""

    name: str
    description: Any
    schema: dict[str, Any]
    block: dict[str, Any]


def read_tools(body: dict[str, Any]) -> Iterator[Tool]:
    """Yield the tools of a request; those that Anthropic runs itself are refused."""
    for tool, where in read.objects(body.get("tools") or [], "tools"):
        kind = read.word(tool, "type", where)
        if kind not in (None, "custom"):
            read.refuse_word(kind, f"{where}.type")
        name = read.text(tool.get("name"), f"{where}.name")
        schema = read.object(tool.get("input_schema"), f"{where}.input_schema")
        yield Tool(name, tool.get("description"), schema, tool)


def read_tool_use(block: dict[str, Any], where: str) -> tuple[str, str, dict[str, Any]]:
    """Return id, name and input of a tool call."""
    return (
        read.text(block.get("id"), f"{where}.id"),
        read.text(block.get("name"), f"{where}.name"),
        read.object(block.get("input"), f"{where}.input"),
    )


def read_document(block: dict[str, Any], where: str) -> tuple[bool, str]:
    """Return whether a document is a PDF, and its data: base64 of a PDF, otherwise text."""
    source = read.object(block.get("source"), f"{where}.source")
    is_text = source.get("type") == "text"
    if not is_text and (source.get("type") != "base64" or source.get("media_type") != "application/pdf"):
        read.refuse(f"{where}.source", "this model's provider takes documents as text, or as a PDF in base64")
    return not is_text, read.text(source.get("data"), f"{where}.source.data")


def read_answer_schema(body: dict[str, Any], refused: str) -> dict[str, Any] | None:
    """Return the JSON schema of the answer, if one is required; another format is refused by the field ``refused``."""
    config = body.get("output_config")
    wanted = read.object(config, "output_config").get("format") if config is not None else None
    if wanted is None:
        return None  # an effort alone is a hint
    wanted = read.object(wanted, "output_config.format")
    if wanted.get("type") != "json_schema":
        read.refuse(refused, "this model's provider knows json_schema")
    return read.object(wanted.get("schema"), "output_config.format.schema")


def message_shape(
    response_id: str,
    model: str,
    content: list[dict[str, Any]] | None = None,
    stop_reason: str | None = None,
    usage: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return an answer; without content, the beginning of a stream, whose usage is reported at its end."""
    return {
        "id": response_id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content or [],
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": usage or {"input_tokens": 0, "output_tokens": 0},
    }


def end_events(stop_reason: str, usage: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the last events of a stream."""
    delta = {"stop_reason": stop_reason, "stop_sequence": None}
    return [{"type": "message_delta", "delta": delta, "usage": usage}, {"type": "message_stop"}]


def usage_shape(fresh: Any, written: Any, cached: Any, output: Any) -> dict[str, Any]:
    """Return the usage of an answer; ``fresh`` tokens of the prompt were neither written to the cache nor read."""
    return {
        "input_tokens": fresh,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": cached,
        "output_tokens": output,
    }
