"""Requests as clients send them."""

from __future__ import annotations

from typing import Any

Body = dict[str, Any]


def ask(text: str, **more: Any) -> Body:
    """A request of one message."""
    return {"messages": [{"role": "user", "content": text}], **more}


def openai_tools(n: int) -> list[Body]:
    return [{"type": "function", "function": {"name": f"tool_{i}", "parameters": {}}} for i in range(n)]


def openai_loop(results: int) -> Body:
    """A coding agent at work, in OpenAI's dialect."""
    messages: list[Body] = [
        {"role": "system", "content": "You are a coding agent. " * 200},
        {"role": "user", "content": "Fix the failing tests of the parser: run pytest, read the traceback, commit."},
    ]
    for at in range(results):
        call = {"id": f"c{at}", "type": "function", "function": {"name": "read", "arguments": '{"path": "a.py"}'}}
        messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
        messages.append(
            {"role": "tool", "tool_call_id": f"c{at}", "content": "def f(self):\n    return g() == 3\n" * 50}
        )
    return {"messages": messages, "tools": openai_tools(12), "stream": True}


def anthropic_loop(results: int) -> Body:
    """The same in Anthropic's."""
    messages: list[Body] = [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Fix the failing tests of the parser: run pytest, read the traceback, commit."}
            ],
        }
    ]
    for at in range(results):
        use = {"type": "tool_use", "id": f"c{at}", "name": "read", "input": {"path": '{"path": "a.py"}'}}
        text = [{"type": "text", "text": "def f(self):\n    return g() == 3\n" * 50}]
        messages.append({"role": "assistant", "content": [use]})
        messages.append(
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": f"c{at}", "content": text}]}
        )
    return {
        "system": [{"type": "text", "text": "You are a coding agent. " * 200}],
        "messages": messages,
        "tools": [{"name": f"tool_{i}", "input_schema": {}} for i in range(12)],
        "stream": True,
        "max_tokens": 4096,
    }
