"""The examples in the API's description. The tests send them through the decoders."""

from __future__ import annotations

from typing import Any

_ID = "SIMPLE.1042.9f86d081884c7d65"
_CONTEXT = [1.0, 0.12, 0.0, 0.4, 0.0, 1.0, 0.3, 0.0, 0.0, 0.25, 0.0, 0.6]

DECISION_REQUESTS: dict[str, dict[str, Any]] = {
    "the tier's own arms": {"tier": "SIMPLE", "context": _CONTEXT},
    "named candidates": {
        "tier": "SIMPLE",
        "context": _CONTEXT,
        "candidates": [
            {"provider": "ollama", "model": "llama3.2"},
            {"provider": "openai", "model": "gpt-4o-mini"},
        ],
        "metadata": {"request_id": "7f3a"},
    },
}

DECISION: dict[str, Any] = {
    "decision_id": _ID,
    "tier": "SIMPLE",
    "provider": "ollama",
    "model": "llama3.2",
    "policy": "linucb",
    "policy_version": 3,
    "propensity": 0.975,
    "explored": False,
    "degraded": False,
    "stale": False,
    "state_age_ms": 41,
    "scores": [
        {
            "provider": "ollama",
            "model": "llama3.2",
            "mean": 0.71,
            "width": 0.09,
            "ucb": 0.845,
            "probability": 0.975,
            "pulls": 812,
            "cost_usd": 0.0,
        },
        {
            "provider": "openai",
            "model": "gpt-4o-mini",
            "mean": 0.68,
            "width": 0.05,
            "ucb": 0.755,
            "probability": 0.025,
            "pulls": 230,
            "cost_usd": 0.0004,
        },
    ],
}

TRIES: dict[str, dict[str, Any]] = {
    "a context": {"tier": "SIMPLE", "context": _CONTEXT},
    "what a user would write": {"prompt": "Why is the sky blue?"},
}

OUTCOME_REPORTS: dict[str, dict[str, Any]] = {
    "what was measured": {"decision_id": _ID, "quality": 84, "cost_usd": 0.0004, "latency_ms": 730},
    "the reward itself": {"decision_id": _ID, "reward": 79.5},
}

FEEDBACK_REPORTS: dict[str, dict[str, Any]] = {
    "a thumb": {"decision_id": _ID, "thumbs": "up"},
    "a quality": {"decision_id": _ID, "quality": 84},
    "a metric, by the answer's id": {"response_id": "chatcmpl-9f2c", "metric": {"name": "resolved", "value": 0.8}},
}
FEEDBACK_ACCEPTED = {"decision_id": _ID, "quality": 84, "status": "accepted"}

ACCEPTED = {"decision_id": _ID, "status": "accepted"}
ALREADY_ACCEPTED = {"decision_id": _ID, "status": "already_accepted"}

POLICY_CHANGES: dict[str, dict[str, Any]] = {
    "less exploration": {
        "active": {"name": "linucb", "algorithm": "linucb", "parameters": {"alpha": 1.5, "epsilon": 0.01}}
    },
    "two shadows": {
        "shadows": [
            {"name": "greedy", "algorithm": "epsilon-greedy", "parameters": {"epsilon": 0.0}},
            {"name": "small", "algorithm": "static:ollama:llama3.2"},
        ]
    },
}

PROMOTIONS: dict[str, dict[str, Any]] = {
    "a shadow": {"policy": "greedy", "why": "earns 1.2 to 2.6 more, at no more cost"},
    "as decided on": {"policy": "greedy", "version": 17, "why": "as the report of Monday says", "person": "ann"},
}
REVERTS: dict[str, dict[str, Any]] = {"with a reason": {"why": "complaints about short answers"}}

PROBLEM: dict[str, Any] = {
    "type": "about:blank",
    "title": "Unprocessable Content",
    "status": 422,
    "detail": "expected 12 numbers, got 11",
    "errors": [{"field": "context", "detail": "expected 12 numbers, got 11"}],
}

EVENTS = (
    f'event: decision\nid: {_ID}\ndata: {{"decision_id":"{_ID}","tier":"SIMPLE"}}\n\n'
    "event: fallback\nid: fallback.SIMPLE.3c6e0b8a9c15224a\n"
    'data: {"decision_id":"fallback.SIMPLE.3c6e0b8a9c15224a","tier":"SIMPLE","reason":"no_replica"}\n\n'
)
