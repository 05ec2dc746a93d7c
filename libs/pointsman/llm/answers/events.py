"""What an answer consists of, in the order in which it arrives.

A reader turns a provider's bytes into these events: those of one event of a stream, or all of a whole answer at once.
`OrderedEvents` then turns the pieces of tool calls into blocks that follow one another (`ToolBegin`, `ToolArguments`,
`ToolEnd`), and a writer makes the client's bytes of them. Text and thinking have no begin and end: a block of one kind
ends where another kind begins, and a `Signature` ends a block of thinking.
"""

from __future__ import annotations

import msgspec

from pointsman.llm.completion import Usage


class Begin(msgspec.Struct, gc=False):
    """The answer begins. Empty where the provider sends no id or no name of the model."""

    id: str = ""
    model: str = ""


class TextPiece(msgspec.Struct, gc=False):
    """More text."""

    text: str


class RefusalPiece(msgspec.Struct, gc=False):
    """More text of a refusal that the provider marks as one."""

    text: str


class ThinkingPiece(msgspec.Struct, gc=False):
    """More of what the model thinks before it answers."""

    text: str


class Signature(msgspec.Struct, gc=False):
    """The provider's signature of the thinking so far."""

    signature: str


class Redacted(msgspec.Struct, gc=False):
    """Thinking that only the provider can read."""

    data: str


class ToolPiece(msgspec.Struct, gc=False):
    """Part of a tool call, as readers return it. Pieces of several calls may alternate.

    Attributes
    ----------
    call: Number of the call in the answer, from 0.
    id: Where the piece has it; the same for ``name``, which is the client's name of the tool.
    arguments: More of the JSON, as the model wrote it.
    free_text: The arguments are a text (OpenAI's custom tools), not JSON.
    done: The call is complete.
    """

    call: int
    id: str = ""
    name: str = ""
    arguments: str = ""
    free_text: bool = False
    done: bool = False


class ToolBegin(msgspec.Struct, gc=False):
    """A tool call begins; every call has an id."""

    id: str
    name: str
    free_text: bool = False


class ToolArguments(msgspec.Struct, gc=False):
    """More arguments of the call that began last."""

    arguments: str


class ToolEnd(msgspec.Struct, gc=False):
    """The arguments are complete, or no more will arrive."""


class Finish(msgspec.Struct, gc=False):
    """Why the answer ends.

    Attributes
    ----------
    reason: In OpenAI's terms, or ``refusal``, or an unknown one as the provider sent it.
    exact: Anthropic's reason where that is more exact, such as ``pause_turn``.
    stop_sequence: The one that ended the answer.
    """

    reason: str
    exact: str = ""
    stop_sequence: str | None = None


class UsageReport(msgspec.Struct):
    """Tokens of the call, as far as they are known; a later report includes the earlier ones."""

    usage: Usage


class End(msgspec.Struct, gc=False):
    """The provider's last event; not every provider has one."""


Piece = Begin | TextPiece | RefusalPiece | ThinkingPiece | Signature | Redacted | ToolPiece | Finish | UsageReport | End
"""What a reader returns."""
Event = (
    Begin
    | TextPiece
    | RefusalPiece
    | ThinkingPiece
    | Signature
    | Redacted
    | ToolBegin
    | ToolArguments
    | ToolEnd
    | Finish
    | UsageReport
    | End
)
"""What a writer receives."""
