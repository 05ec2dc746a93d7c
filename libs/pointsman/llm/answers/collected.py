"""The blocks of an answer, collected from its events: what writers make a whole answer of."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pointsman.llm.answers.events import (
    Begin,
    Event,
    Finish,
    Redacted,
    RefusalPiece,
    Signature,
    TextPiece,
    ThinkingPiece,
    ToolArguments,
    ToolBegin,
    UsageReport,
)
from pointsman.llm.answers.finish import agreed_reason
from pointsman.llm.completion import Usage


class TextBlock(msgspec.Struct):
    """Text; ``refusal``: that the provider marks as a refusal."""

    text: str
    refusal: bool = False


class ThinkingBlock(msgspec.Struct):
    """What the model thought, or ``redacted`` data; the signature is empty where the provider has none."""

    text: str = ""
    signature: str = ""
    redacted: str = ""


class ToolBlock(msgspec.Struct):
    """A tool call with its arguments as text."""

    id: str
    name: str
    arguments: str = ""
    free_text: bool = False


Block = TextBlock | ThinkingBlock | ToolBlock


class CollectedAnswer(msgspec.Struct, kw_only=True):
    """A whole answer; ``finish`` agrees with the blocks, and is None where the answer has no end."""

    id: str = ""
    model: str = ""
    blocks: list[Block] = []
    finish: str | None = None
    exact_finish: str = ""
    stop_sequence: str | None = None
    usage: Usage = Usage()


def collect(events: Iterable[Event]) -> CollectedAnswer:
    """Return the answer that the events make."""
    answer = CollectedAnswer()
    for event in events:
        if isinstance(event, Begin):
            answer.id, answer.model = event.id, event.model
        elif isinstance(event, UsageReport):
            answer.usage = event.usage
        elif isinstance(event, Finish):
            answer.finish, answer.exact_finish = event.reason, event.exact
            answer.stop_sequence = event.stop_sequence
        else:
            _add(answer.blocks, event)
    if answer.finish is not None:
        calls = any(isinstance(block, ToolBlock) for block in answer.blocks)
        refused = any(isinstance(block, TextBlock) and block.refusal for block in answer.blocks)
        answer.finish = agreed_reason(answer.finish, calls=calls, refused=refused)
    return answer


def _add(blocks: list[Block], event: Event) -> None:
    """Add a piece to the last block, or as a new one."""
    last = blocks[-1] if blocks else None
    if isinstance(event, TextPiece | RefusalPiece):
        refusal = isinstance(event, RefusalPiece)
        if isinstance(last, TextBlock) and last.refusal == refusal:
            last.text += event.text
        else:
            blocks.append(TextBlock(event.text, refusal))
    elif isinstance(event, ToolBegin):
        blocks.append(ToolBlock(event.id, event.name, "", event.free_text))
    elif isinstance(event, ToolArguments):
        if isinstance(last, ToolBlock):
            last.arguments += event.arguments
    elif isinstance(event, Redacted):
        blocks.append(ThinkingBlock(redacted=event.data))
    elif isinstance(event, ThinkingPiece | Signature):
        if not isinstance(last, ThinkingBlock) or last.signature or last.redacted:
            last = ThinkingBlock()
            blocks.append(last)
        if isinstance(event, ThinkingPiece):
            last.text += event.text
        else:
            last.signature = event.signature
