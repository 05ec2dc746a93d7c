from __future__ import annotations

from typing import Any

import pytest

from pointsman.llm.request import requests_reasoning


@pytest.mark.parametrize(
    ("body", "requested"),
    [
        ({}, False),
        ({"reasoning_effort": "low"}, True),
        ({"reasoning_effort": "none"}, False),
        ({"reasoning_effort": None}, False),
        ({"reasoning": {"effort": "high"}}, True),
        ({"reasoning": {"effort": "none"}}, False),
        ({"reasoning": {"max_tokens": 2000}}, True),
        ({"reasoning": {"enabled": True}}, True),
        ({"reasoning": {"enabled": False, "effort": "high"}}, False),
        ({"reasoning": {"effort": "high", "exclude": True}}, False),
        ({"include_reasoning": True}, True),
        ({"enable_thinking": True}, True),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, True),
        ({"thinking": {"type": "disabled"}}, False),
    ],
)
def test_a_client_of_openais_dialect_requests_reasoning(body: dict[str, Any], requested: bool) -> None:
    assert requests_reasoning(body) is requested
