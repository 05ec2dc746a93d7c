"""A conversation as providers want it: each call followed by its result, no blank texts, roles that take turns.

OpenAI's own models are lenient, and what they accept is refused elsewhere; so every writer begins here.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from pointsman.llm.conversation.form import Block, Text, ToolResult, ToolUse, Turn
from pointsman.llm.conversation.target import RequestTarget

NO_RESULT = "(no result)"
NO_TEXT = "(no text)"
CONTINUED = "(continued)"


def settle(turns: Sequence[Turn], target: RequestTarget) -> list[Turn]:
    """Return the turns after the system prompt: user and assistant in turn, beginning with the user.

    System turns among them become text of the user, in their place, so that the beginning of the prompt stays what a
    provider has cached. A call without a result gets one; a result without its call becomes text.
    """
    spoken = [_as_user(turn) if turn.role == "system" else turn for turn in turns]
    merged = _merged(_without_blanks(turn) for turn in spoken)
    paired = _merged(_pair_tools(merged, target))
    if not paired or paired[0].role != "user":
        placeholder = CONTINUED if paired else NO_TEXT
        paired.insert(0, Turn(role="user", blocks=[Text(placeholder)]))
    last = paired[-1]
    if last.role == "assistant" and last.blocks and isinstance(last.blocks[-1], Text):
        last.blocks[-1] = msgspec.structs.replace(last.blocks[-1], text=last.blocks[-1].text.rstrip())
    return paired


def system_prompt(turns: Sequence[Turn]) -> tuple[list[Text], list[Turn]]:
    """Return the texts of the leading system turns that are not blank, and the other turns."""
    at = next((at for at, turn in enumerate(turns) if turn.role != "system"), len(turns))
    texts = [block for turn in turns[:at] for block in turn.blocks if isinstance(block, Text) and block.text.strip()]
    return texts, list(turns[at:])


def _as_user(turn: Turn) -> Turn:
    texts = [block for block in turn.blocks if isinstance(block, Text) and block.text.strip()]
    marked = [msgspec.structs.replace(text, text=f"<system>\n{text.text}\n</system>") for text in texts]
    return Turn(role="user", blocks=[*marked])


def _without_blanks(turn: Turn) -> Turn:
    return Turn(role=turn.role, blocks=[block for block in turn.blocks if not _is_blank(block)])


def _is_blank(block: Block) -> bool:
    return isinstance(block, Text) and not block.text.strip()


def _merged(turns: Iterable[Turn]) -> list[Turn]:
    """Return the turns that have blocks, adjacent ones of one role merged."""
    merged: list[Turn] = []
    for turn in turns:
        if not turn.blocks:
            continue
        if merged and merged[-1].role == turn.role:
            merged[-1].blocks += turn.blocks
        else:
            merged.append(Turn(role=turn.role, blocks=list(turn.blocks)))
    return merged


def _pair_tools(turns: list[Turn], target: RequestTarget) -> list[Turn]:
    """Give every call its result at the beginning of the next turn, and both an id that the provider accepts."""
    ids = _Ids(target)
    paired: list[Turn] = []
    waiting: defaultdict[str, deque[str]] = defaultdict(deque)  # own ids of calls: the ids that are sent
    for turn in turns:
        if turn.role == "assistant":
            if any(waiting.values()):
                paired.append(Turn(role="user", blocks=_missing(waiting)))
            paired.append(Turn(role="assistant", blocks=[_call(block, ids, waiting) for block in turn.blocks]))
            continue
        results: list[Block] = []
        rest: list[Block] = []
        for block in turn.blocks:
            if not isinstance(block, ToolResult):
                rest.append(block)
            elif waiting[block.id]:
                results.append(msgspec.structs.replace(block, id=waiting[block.id].popleft()))
            else:
                rest += _result_as_text(block)
        paired.append(Turn(role="user", blocks=[*results, *_missing(waiting), *rest]))
    if any(waiting.values()):
        paired.append(Turn(role="user", blocks=_missing(waiting)))
    return paired


def _call(block: Block, ids: _Ids, waiting: defaultdict[str, deque[str]]) -> Block:
    if not isinstance(block, ToolUse):
        return block
    sent = ids.sent(block.id)
    waiting[block.id].append(sent)
    return msgspec.structs.replace(block, id=sent)


def _missing(waiting: defaultdict[str, deque[str]]) -> list[Block]:
    """Return a result for each call that has none."""
    blocks: list[Block] = [
        ToolResult(id=sent, content=[Text(NO_RESULT)], is_error=True) for calls in waiting.values() for sent in calls
    ]
    waiting.clear()
    return blocks


class _Ids:
    """Ids of calls that a provider accepts: one to one, and the same in each later turn."""

    def __init__(self, target: RequestTarget) -> None:
        self._pattern = target.id_pattern
        self._max_chars = target.max_id_chars
        self._seen: Counter[str] = Counter()

    def sent(self, own: str) -> str:
        """Return the id to send for the next call with an id; some models use one id again."""
        self._seen[own] += 1
        count = self._seen[own]
        if count == 1 and 0 < len(own) <= self._max_chars and self._pattern.fullmatch(own):
            return own
        return f"call_{blake2b(f'{count}:{own}'.encode(errors='replace'), digest_size=12).hexdigest()}"


def tools_as_text(turns: Sequence[Turn]) -> list[Turn]:
    """Return the turns with calls and results as text, for a request that has no tools.

    Some providers refuse calls without tools; with tools, the model could call one that the client does not expect.
    """
    written = []
    for turn in turns:
        blocks: list[Block] = []
        for block in turn.blocks:
            if isinstance(block, ToolUse):
                blocks.append(Text(f"(called {block.name} with {msgspec.json.encode(block.input).decode()})"))
            elif isinstance(block, ToolResult):
                blocks += _result_as_text(block)
            else:
                blocks.append(block)
        written.append(Turn(role=turn.role, blocks=blocks))
    return written


def uses_tools(turns: Sequence[Turn]) -> bool:
    """Return whether there are calls or results."""
    return any(isinstance(block, ToolUse | ToolResult) for turn in turns for block in turn.blocks)


def _result_as_text(result: ToolResult) -> list[Block]:
    texts = [part.text for part in result.content if isinstance(part, Text)]
    others: list[Block] = [part for part in result.content if not isinstance(part, Text)]
    return [Text(f"(result of a tool: {''.join(texts) or NO_RESULT})"), *others]


_FOREIGN = re.compile(r"[^a-zA-Z0-9_-]")


class ToolNames:
    """Names of tools that a provider accepts, for those that the client offers, calls and chooses."""

    def __init__(self, max_chars: int) -> None:
        self._max_chars = max_chars
        self._own: dict[str, str] = {}

    def sent(self, own: str) -> str:
        """Return the name to send: the client's own where it is accepted, otherwise a shorter one that is unique."""
        if 0 < len(own) <= self._max_chars and not _FOREIGN.search(own):
            return own
        digest = blake2b(own.encode(errors="replace"), digest_size=4).hexdigest()
        sent = f"{_FOREIGN.sub('_', own)[: self._max_chars - 9]}_{digest}"
        self._own[sent] = own
        return sent

    @property
    def changed(self) -> dict[str, str]:
        """From the names that were sent to the client's, where they differ."""
        return self._own


def object_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema of arguments whose top is an object, with its references still there.

    Anthropic and Bedrock refuse another type at the top, and ``anyOf``, ``oneOf`` and ``allOf`` there.
    """
    merged = dict(schema)
    target = merged.pop("$ref", None)
    if isinstance(target, str):
        merged = {**_resolved(schema, target), **merged}
    for name in ("anyOf", "oneOf", "allOf"):
        parts = merged.pop(name, None)
        if isinstance(parts, list):
            merged = _with_parts(merged, [part for part in parts if isinstance(part, dict)], every=name == "allOf")
    if merged.get("type") != "object":
        merged["type"] = "object"
    return merged


def _resolved(schema: dict[str, Any], reference: str) -> dict[str, Any]:
    found: Any = schema
    for name in reference.removeprefix("#/").split("/"):
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _with_parts(schema: dict[str, Any], parts: list[dict[str, Any]], *, every: bool) -> dict[str, Any]:
    """Return a schema with the properties of its alternatives, required only where each of them requires it."""
    properties = dict(schema.get("properties") or {})
    required: list[set[str]] = []
    for part in parts:
        properties |= part.get("properties") or {}
        required.append(set(part.get("required") or ()))
    needed = (set.union(*required) if every else set.intersection(*required)) if required else set()
    merged = {**schema, "properties": properties} if properties else dict(schema)
    needed |= set(schema.get("required") or ())
    return {**merged, "required": sorted(needed)} if needed else merged
