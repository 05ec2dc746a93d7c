"""Writer of Bedrock's Converse, which has one format for all its models.

Claude's own fields (``top_k``, ``thinking``, calls one at a time) are sent in ``additionalModelRequestFields``.

Reference: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html.
"""

from __future__ import annotations

from typing import Any, NoReturn

import msgspec

from pointsman.llm.conversation.form import (
    Block,
    CacheMark,
    Document,
    Image,
    Part,
    RequestForm,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
    Turn,
    Written,
    field_name,
)
from pointsman.llm.conversation.settle import (
    NO_RESULT,
    ToolNames,
    object_schema,
    settle,
    system_prompt,
    tools_as_text,
    uses_tools,
)
from pointsman.llm.conversation.target import RequestTarget
from pointsman.llm.conversation.write_anthropic import JSON_ONLY
from pointsman.llm.providers.failure import Untranslatable

_IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
_BOUNDS = {"max_tokens": "maxTokens", "temperature": "temperature", "top_p": "topP", "stop": "stopSequences"}


def write_converse(conversation: RequestForm, target: RequestTarget) -> Written:
    """Write a request for Converse, whose URL names the model; raise `Untranslatable` for what it cannot express."""
    return _Writer(conversation, target).write()


class _Writer:
    def __init__(self, conversation: RequestForm, target: RequestTarget) -> None:
        self._conversation = conversation
        self._options = conversation.options
        self._target = target
        self._adapted = list(conversation.left_out)
        self._names = ToolNames(target.max_name_chars)
        self._documents = 0

    def write(self) -> Written:
        """Write the request."""
        options, target = self._options, self._target
        system, turns = system_prompt(self._conversation.turns)
        choice = options.choice
        # Converse has no way to forbid calls, and refuses calls and results without tools.
        offers = bool(self._conversation.tools) and (choice is None or choice.kind != "none")
        if not offers and uses_tools(turns):
            turns = tools_as_text(turns)
        settled = settle(turns, target)
        thinking = self._thinking(settled)
        sent: dict[str, Any] = {"messages": [self._message(turn) for turn in settled]}
        blocks = [block for text in system for block in ({"text": text.text}, *self._cache_point(text.cache))]
        if options.json:
            self._adapted.append(field_name(self._conversation, "json"))
            blocks.append({"text": JSON_ONLY})
        if blocks:
            sent["system"] = blocks
        bounds = {_BOUNDS[name]: getattr(options, name) for name in _BOUNDS if getattr(options, name) not in (None, [])}
        if target.claude and options.max_tokens is None:
            bounds["maxTokens"] = target.default_max_tokens
        if bounds:
            sent["inferenceConfig"] = bounds
        own: dict[str, Any] = {}
        if options.top_k is not None:
            own["top_k"] = options.top_k
        if thinking is not None:
            own["thinking"] = thinking
        if offers:
            sent["toolConfig"] = self._tool_config(own)
        if own and target.claude:
            sent["additionalModelRequestFields"] = own
        elif own:
            self._adapted += own
        if options.schema is not None:
            structure = {"jsonSchema": {"schema": msgspec.json.encode(options.schema).decode(), "name": "answer"}}
            sent["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": structure}}
        return Written(body=sent, adapted=tuple(self._adapted), tool_names=self._names.changed)

    def _thinking(self, turns: list[Turn]) -> dict[str, Any] | None:
        """Return the thinking that is requested.

        A Claude that thinks within a budget refuses to continue a tool's use that did not begin with thinking, as where
        another model called the tool.
        """
        thinking = self._options.thinking
        if thinking is None or thinking.get("type") != "enabled" or not self._target.claude:
            return thinking
        last = next((turn for turn in reversed(turns) if turn.role == "assistant"), None)
        called = last is not None and any(isinstance(block, ToolUse) for block in last.blocks)
        if not called or (last is not None and self._is_signed(last.blocks[0])):
            return thinking
        self._adapted.append("thinking")
        return None

    def _is_signed(self, block: Block) -> bool:
        return isinstance(block, Thinking) and bool(block.signature or block.redacted)

    def _message(self, turn: Turn) -> dict[str, Any]:
        content: list[dict[str, Any]] = []
        for block in turn.blocks:
            if isinstance(block, Thinking):
                if self._target.claude and self._is_signed(block):
                    content.append(_reasoning(block))
                continue
            content.append(self._block(block))
            content += self._cache_point(block.cache)
        return {"role": turn.role, "content": content or [{"text": NO_RESULT}]}

    def _block(self, block: Part | ToolUse | ToolResult) -> dict[str, Any]:
        if isinstance(block, ToolUse):
            name = self._names.sent(block.name)
            return {"toolUse": {"toolUseId": block.id, "name": name, "input": block.input}}
        if isinstance(block, ToolResult):
            parts = [
                self._part(part) for part in block.content if not (isinstance(part, Text) and not part.text.strip())
            ]
            result: dict[str, Any] = {"toolUseId": block.id, "content": parts or [{"text": NO_RESULT}]}
            # Some models do not support a status, so it is sent only for errors.
            return {"toolResult": {**result, "status": "error"} if block.is_error else result}
        return self._part(block)

    def _part(self, part: Part) -> dict[str, Any]:
        if isinstance(part, Text):
            return {"text": part.text}
        if isinstance(part, Image):
            return self._image(part)
        return self._document(part)

    def _image(self, image: Image) -> dict[str, Any]:
        if image.url:
            self._refuse(image.where, "this model's provider takes images as base64, not from a URL")
        if image.media_type not in _IMAGES:
            self._refuse(image.where, "this model's provider takes png, jpeg, gif and webp")
        return {"image": {"format": _IMAGES[image.media_type], "source": {"bytes": image.data}}}

    def _document(self, document: Document) -> dict[str, Any]:
        if document.url:
            self._refuse(document.where, "this model's provider takes documents as text, or as a PDF in base64")
        self._documents += 1
        name = "document" if self._documents == 1 else f"document {self._documents}"  # names must be unique
        if document.text:
            return {"document": {"name": name, "source": {"text": document.text}}}
        return {"document": {"format": "pdf", "name": name, "source": {"bytes": document.data}}}

    def _refuse(self, where: str, why: str) -> NoReturn:
        raise Untranslatable(where, why, dialect=self._conversation.dialect)

    def _cache_point(self, mark: CacheMark | None, *, at_tool: bool = False) -> list[dict[str, Any]]:
        points = self._target.cache_points
        if mark is None or points == "none" or (at_tool and points != "all"):
            return []
        ttl = {"ttl": mark.ttl} if mark.ttl and self._target.claude else {}
        return [{"cachePoint": {"type": "default", **ttl}}]

    def _tool_config(self, own: dict[str, Any]) -> dict[str, Any]:
        """Return the tools; how Claude is to choose one at a time is added to its own fields."""
        tools: list[dict[str, Any]] = []
        for tool in self._conversation.tools:
            spec: dict[str, Any] = {
                "name": self._names.sent(tool.name),
                "inputSchema": {"json": object_schema(tool.schema)},
            }
            if tool.description.strip():
                spec["description"] = tool.description
            tools.append({"toolSpec": spec})
            tools += self._cache_point(tool.cache, at_tool=True)
        config: dict[str, Any] = {"tools": tools}
        choice = self._options.choice
        if choice is not None and choice.kind == "any":
            config["toolChoice"] = {"any": {}}
        elif choice is not None and choice.kind == "tool":
            config["toolChoice"] = {"tool": {"name": self._names.sent(choice.name)}}
        if self._options.parallel is False:
            if self._target.claude and "toolChoice" not in config:
                own["tool_choice"] = {"type": "auto", "disable_parallel_tool_use": True}
            else:
                self._adapted.append(field_name(self._conversation, "parallel"))
        return config


def _reasoning(block: Thinking) -> dict[str, Any]:
    if block.redacted:
        return {"reasoningContent": {"redactedContent": block.redacted}}
    return {"reasoningContent": {"reasoningText": {"text": block.text, "signature": block.signature}}}
