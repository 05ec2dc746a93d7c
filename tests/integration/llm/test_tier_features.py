"""Contexts of another extractor than the gateway's: a dry run uses the right one or refuses, and chat requests warn."""

from __future__ import annotations

from typing import Any

import httpx
import openai
import pytest

from pointsman.core.features import prompt_features
from tests.integration.llm.conftest import unique
from tests.support.gateway_calls import field_of
from tests.support.processes import ServiceProcess

pytestmark = pytest.mark.integration

TEXT = "A baker sells each of 24 loaves for 3 dollars. How much does he earn?"


def decide(client: httpx.Client, tier: str, metadata: dict[str, Any] | None) -> None:
    request = {"tier": tier, "context": [1.0] + [0.5] * 11, "metadata": metadata}
    assert not client.post("/v1/decisions", json=request).json()["degraded"]


def test_a_text_is_scored_with_the_features_that_the_tier_has_learned_from(client: httpx.Client) -> None:
    decide(client, "MIX", {"features": "prompt/1"})
    for asked in ({"prompt": TEXT}, {"messages": [{"role": "user", "content": TEXT}]}):
        tried = client.post("/v1/try", json={"tier": "MIX", **asked}).json()
        assert tried["context"] == prompt_features(TEXT)
        assert (tried["extractor"], tried["notice"]) == ("prompt/1", None)
        assert [feature["name"] for feature in tried["features"]][:2] == ["bias", "length"]


def test_a_text_is_refused_when_the_gateway_does_not_have_these_features(client: httpx.Client) -> None:
    decide(client, "THRIFTY", {"features": "own:Class/7"})
    answer = client.post("/v1/try", json={"tier": "THRIFTY", "prompt": TEXT})
    assert (answer.status_code, field_of(answer)) == (422, "prompt")
    assert "has learned from the features of own:Class/7, not of chat/1" in answer.json()["detail"]
    context = [1.0] + [0.0] * 11
    assert client.post("/v1/try", json={"tier": "THRIFTY", "context": context}).status_code == 200


def test_contexts_without_an_origin_are_noted(client: httpx.Client) -> None:
    decide(client, "FALL", None)
    tried = client.post("/v1/try", json={"tier": "FALL", "prompt": TEXT}).json()
    assert tried["extractor"] == "chat/1"
    assert "the clients of tier FALL send its contexts" in tried["notice"]


def test_a_tier_of_chat_requests_or_without_a_decision_needs_no_notice(
    client: httpx.Client, openai_client: openai.OpenAI
) -> None:
    for _ in range(2):
        tried = client.post("/v1/try", json={"tier": "ONE", "prompt": TEXT}).json()
        assert (tried["extractor"], tried["notice"]) == ("chat/1", None)
        openai_client.chat.completions.create(model="tier/ONE", messages=[{"role": "user", "content": unique("Hi")}])


def test_a_chat_request_on_a_tier_of_other_features_is_served_with_a_warning(
    client: httpx.Client, openai_client: openai.OpenAI, services: dict[str, ServiceProcess]
) -> None:
    decide(client, "MIX", {"features": "prompt/1"})
    for _ in range(2):
        openai_client.chat.completions.create(model="tier/MIX", messages=[{"role": "user", "content": unique("Hi")}])
    assert services["gateway"].output().count("tier MIX has learned from the features of prompt/1, not of chat/1") == 1
