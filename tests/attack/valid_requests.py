"""Valid requests of every route that reads JSON, with every kind of part that their formats have."""

from __future__ import annotations

from typing import Any, NamedTuple

Body = dict[str, Any]

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SCHEMA: Body = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
OWN_MODELS = ("auto", "tier/OPENAI", "tier/ANTHROPIC", "tier/BEDROCK", "lab:m", "claude:m", "rock:anthropic.claude-x")
CONTEXT = [1.0, 0.5, -0.25]


class Valid(NamedTuple):
    """A valid request."""

    method: str
    path: str
    body: Body


_CALL: Body = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
_OPENAI: list[Body] = [
    {"messages": [{"role": "user", "content": "Hi"}]},
    {
        "messages": [
            {"role": "developer", "content": [{"type": "text", "text": "Be short."}]},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}", "detail": "low"}},
                    {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0="}},
                ],
            },
        ],
        "max_completion_tokens": 100,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["END"],
        "reasoning_effort": "low",
        "seed": 1,
        "user": "u",
        "metadata": {"user_id": "u"},
        "prompt_cache_key": "k",
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": SCHEMA}},
        "reasoning": {"effort": "low"},
    },
    {
        "messages": [
            {"role": "system", "content": "Use tools."},
            {"role": "user", "content": "Weather?", "name": "ann"},
            {"role": "assistant", "content": None, "tool_calls": [_CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "4 degrees"}]},
            {"role": "assistant", "content": "4", "refusal": None},
            {"role": "user", "content": "And now?"},
        ],
        "tools": [
            {"type": "function", "function": {"name": "weather", "description": "Weather", "parameters": SCHEMA}}
        ],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "parallel_tool_calls": False,
        "stream": True,
        "stream_options": {"include_usage": True},
        "n": 1,
        "logit_bias": None,
        "modalities": ["text"],
        "max_tokens": 50,
    },
]
_ANTHROPIC: list[Body] = [
    {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 10},
    {
        "system": [{"type": "text", "text": "Be short.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?", "cache_control": {"type": "ephemeral"}},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
                    {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
                    {
                        "type": "document",
                        "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
                    },
                    {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "abc"}},
                ],
            }
        ],
        "max_tokens": 2000,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "metadata": {"user_id": "u"},
        "temperature": 1.0,
        "top_k": 5,
        "stop_sequences": ["END"],
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
    },
    {
        "system": "Use tools.",
        "messages": [
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
                    {"type": "redacted_thinking", "data": "eHg="},
                    {"type": "text", "text": "I look."},
                    {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Oslo", "n": [1, None]}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "toolu_1",
                        "is_error": False,
                        "content": [{"type": "text", "text": "4 degrees"}],
                    },
                    {"type": "text", "text": "And now?"},
                ],
            },
        ],
        "tools": [
            {
                "name": "weather",
                "description": "Weather",
                "input_schema": SCHEMA,
                "cache_control": {"type": "ephemeral"},
            },
            {"type": "custom", "name": "other", "input_schema": {"type": "object"}},
        ],
        "tool_choice": {"type": "tool", "name": "weather", "disable_parallel_tool_use": True},
        "max_tokens": 50,
        "stream": True,
    },
]

CHAT = [Valid("POST", "/v1/chat/completions", {"model": model, **body}) for body in _OPENAI for model in OWN_MODELS]
CHAT += [
    Valid("POST", path, {"model": model, **body})
    for body in _ANTHROPIC
    for model in OWN_MODELS
    for path in ("/v1/messages", "/v1/messages/count_tokens")
]
OWN = [
    Valid("POST", "/v1/decisions", {"tier": "OPENAI", "context": CONTEXT}),
    Valid(
        "POST",
        "/v1/decisions",
        {
            "tier": "OPENAI",
            "context": CONTEXT,
            "candidates": [{"provider": "lab", "model": "m"}, {"provider": "lab", "model": "n"}],
            "pinned": {"provider": "lab", "model": "m"},
            "switching_cost": 0.1,
            "metadata": {"request_id": "7f3a", "deep": {"list": [1, 2.5, None, True]}},
        },
    ),
    Valid("POST", "/v1/outcomes", {"decision_id": "{id}", "quality": 84.0, "cost_usd": 0.001, "latency_ms": 350.0}),
    Valid("POST", "/v1/outcomes", {"decision_id": "{id}", "reward": 50.0}),
    Valid("POST", "/v1/feedback", {"decision_id": "{id}", "thumbs": "up"}),
    Valid("POST", "/v1/feedback", {"response_id": "chatcmpl-1", "quality": 80.0}),
    Valid("POST", "/v1/try", {"tier": "OPENAI", "context": CONTEXT}),
    Valid("POST", "/v1/try", {"prompt": "Why is the sky blue?"}),
    Valid("POST", "/v1/try", {"tier": "OPENAI", "messages": _OPENAI[2]["messages"]}),
    Valid("POST", "/v1/try", {"messages": _ANTHROPIC[2]["messages"], "candidates": [{"provider": "p", "model": "m"}]}),
    Valid(
        "PUT",
        "/v1/policies/OPENAI",
        {"shadows": [{"name": "greedy", "algorithm": "epsilon-greedy", "parameters": {"epsilon": 0.0}}]},
    ),
    Valid(
        "PUT", "/v1/policies/OPENAI", {"active": {"name": "live", "algorithm": "linucb", "parameters": {"alpha": 1}}}
    ),
    Valid("POST", "/v1/policies/OPENAI/promote", {"policy": "greedy", "version": 0, "why": "w", "person": "p"}),
    Valid("POST", "/v1/policies/OPENAI/revert", {"version": 0, "why": "w", "person": "p"}),
]

READING = [
    Valid("GET", "/v1/arms", {"tier": "OPENAI", "matrices": "true"}),
    Valid("GET", "/v1/decisions/{id}", {"shadows": "true"}),
    Valid("GET", "/v1/overview", {"tier": "OPENAI", "window": "24h"}),
    Valid("GET", "/v1/shadow/report", {"tier": "OPENAI", "window": "7d", "policy": "greedy", "format": "json"}),
    Valid("GET", "/v1/shadow/report", {"tier": "OPENAI", "window": "7d", "format": "html"}),
    Valid("GET", "/v1/alerts", {"tier": "OPENAI", "limit": "5"}),
    Valid("GET", "/v1/policies/OPENAI/history", {}),
    Valid("GET", "/v1/models/lab:m", {}),
    Valid("GET", "/v1/system", {}),
    Valid("GET", "/static/app.js", {}),
]
"""With the parameters of the query as body."""
