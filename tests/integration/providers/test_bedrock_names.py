"""Models of Bedrock behind names that do not show what they are: nothing of a request is dropped in silence."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from aiohttp import web

from pointsman.contracts.config.providers import ProviderConfig
from pointsman.core.bandit import Arm
from pointsman.llm.providers.registry import Providers
from tests.integration.providers.asking import ask
from tests.integration.providers.mock_provider import MockProvider, responds

ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdef123456"
PROVISIONED = "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdef123456"
ON = {"type": "enabled", "budget_tokens": 1024}
OK = {
    "output": {"message": {"role": "assistant", "content": [{"text": "yes"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
}


def bedrock(mock: MockProvider, **settings: Any) -> Providers:
    config = ProviderConfig(
        name="p", kind="bedrock", base_url=mock.url, region="us-east-1", api_key_env="P_KEY", retries=0, **settings
    )
    return Providers([config], {"P_KEY": "k"})


@pytest.mark.parametrize(
    ("model", "settings", "is_claude"),
    [
        (ARN, {}, True),
        (PROVISIONED, {}, True),
        ("claude-prod", {"models": {"claude-prod": ARN}}, True),
        ("chat", {"models": {"chat": ARN}}, True),
        ("chat", {"models": {"chat": ARN}, "families": {"chat": "claude-sonnet-4-5"}}, True),
        (ARN, {"families": {ARN: "claude-sonnet-4-5"}}, True),
        ("chat", {"models": {"chat": ARN}, "families": {"chat": "llama3-1-70b"}}, False),
        ("llama-prod", {"models": {"llama-prod": ARN}}, False),
        ("meta.llama3-1-70b-instruct-v1:0", {}, False),
    ],
)
async def test_claudes_fields_are_sent_unless_the_model_is_another(
    mock: MockProvider, model: str, settings: dict[str, Any], is_claude: bool
) -> None:
    mock.answers = [responds(OK)]
    providers = bedrock(mock, **settings)
    asked = ask(dialect="anthropic", max_tokens=3000, thinking=ON, top_k=5)
    answer = await providers.upstream(Arm("p", model)).open(asked)
    fields = mock.sent.get("additionalModelRequestFields")
    assert fields == ({"thinking": ON, "top_k": 5} if is_claude else None)
    assert set(answer.adapted) == (set() if is_claude else {"thinking", "top_k"})
    await providers.close()


async def test_a_model_behind_an_arn_that_refuses_thinking_is_asked_without_it(mock: MockProvider) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        fields = msgspec.json.decode(await request.read()).get("additionalModelRequestFields", {})
        words = "Malformed input request: #: extraneous key [thinking] is not permitted"
        return await responds({"message": words} if "thinking" in fields else OK, 400 if "thinking" in fields else 200)(
            request
        )

    mock.answers = [handle]
    providers = bedrock(mock)
    answer = await providers.upstream(Arm("p", ARN)).open(ask(dialect="anthropic", max_tokens=3000, thinking=ON))
    assert (answer.tries, answer.adapted) == (2, ("thinking",))
    await providers.close()


async def test_a_family_has_its_efforts(mock: MockProvider) -> None:
    mock.answers = [responds(OK)]
    providers = bedrock(mock, models={"chat": ARN}, families={"chat": "claude-sonnet-4-5"})
    await providers.upstream(Arm("p", "chat@low")).open(ask(dialect="anthropic", max_tokens=3000))
    assert mock.sent["additionalModelRequestFields"]["thinking"]["type"] == "enabled"
    await providers.close()
