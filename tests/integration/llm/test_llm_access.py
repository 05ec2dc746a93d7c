"""API keys, limits and their errors, in the clients' dialects."""

from __future__ import annotations

from typing import Any

import anthropic
import httpx
import openai
import pytest

from pointsman.contracts.access.keys import Scope, StoredKey, make_key
from tests.integration.llm.conftest import CONFIG, MOCK_KEY, unique
from tests.support.mock_provider import MockProviderProcess
from tests.support.processes import ServiceProcess, free_port

pytestmark = pytest.mark.integration

MAX_BODY_BYTES = 4_000_000

Keys = dict[str, tuple[str, StoredKey]]


@pytest.fixture(scope="module")
def keys() -> Keys:
    """One for chat, one for something else, and one that may be used twice at once."""
    decide: list[Scope] = ["decide"]
    report: list[Scope] = ["report"]
    return {
        "chat": make_key("chat", decide),
        "other": make_key("other", report),
        "slow": make_key("slow", decide, 2.0),
    }


@pytest.fixture(scope="module")
def config_toml(alpha: MockProviderProcess, beta: MockProviderProcess, keys: Keys) -> str:
    config = CONFIG.format(alpha=alpha.url, beta=beta.url, closed=free_port())
    config = config.replace("[llm]", f"[llm]\nmax_body_bytes = {MAX_BODY_BYTES}")
    for _, key in keys.values():
        rate = f"rate_limit_per_s = {key.rate_limit_per_s}\n" if key.rate_limit_per_s else ""
        config += (
            f'[[api_key]]\nid = "{key.id}"\nname = "{key.name}"\nhash = "{key.hash}"\nscopes = {key.scopes}\n{rate}'
        )
    return config


def openai_with(services: dict[str, ServiceProcess], key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=services["gateway"].url + "/v1", api_key=key, max_retries=0)


def ask(text: str = "Which track?") -> list[Any]:
    return [{"role": "user", "content": unique(text)}]


def test_a_key_for_decisions_may_chat_in_either_dialect_and_goes_no_further(
    services: dict[str, ServiceProcess], keys: Keys, alpha: MockProviderProcess
) -> None:
    with openai_with(services, keys["chat"][0]) as client:
        assert client.chat.completions.create(model="tier/ONE", messages=ask()).choices
        assert client.models.list().data
    with anthropic.Anthropic(base_url=services["gateway"].url, api_key=keys["chat"][0]) as other:
        assert other.messages.create(model="tier/ONE", max_tokens=50, messages=ask()).content
    sent = repr([request["headers"] for request in alpha.seen()])
    assert MOCK_KEY in sent
    assert keys["chat"][0] not in sent


def test_errors_of_keys_scopes_and_rates_are_in_the_clients_dialect(
    services: dict[str, ServiceProcess], keys: Keys
) -> None:
    with openai_with(services, "sk-nonsense") as client, pytest.raises(openai.AuthenticationError) as unknown:
        client.chat.completions.create(model="auto", messages=ask())
    assert isinstance(unknown.value.body, dict)
    assert unknown.value.body["code"] == "invalid_api_key"
    with openai_with(services, keys["other"][0]) as client, pytest.raises(openai.PermissionDeniedError) as lacking:
        client.chat.completions.create(model="auto", messages=ask())
    assert "decide" in str(lacking.value)
    with openai_with(services, keys["slow"][0]) as client, pytest.raises(openai.RateLimitError) as hasty:
        for _ in range(10):
            client.models.list()
    assert int(hasty.value.response.headers["retry-after"]) >= 1
    with (
        anthropic.Anthropic(base_url=services["gateway"].url, api_key="nonsense", max_retries=0) as other,
        pytest.raises(anthropic.AuthenticationError) as refused,
    ):
        other.messages.create(model="auto", max_tokens=9, messages=ask())
    assert isinstance(refused.value.body, dict)
    assert refused.value.body["error"]["type"] == "authentication_error"


def test_long_bodies_are_for_chat_only_and_bounded_there_too(services: dict[str, ServiceProcess], keys: Keys) -> None:
    with openai_with(services, keys["chat"][0]) as client:
        assert client.chat.completions.create(model="tier/ONE", messages=ask("x" * 3_000_000)).choices
        with pytest.raises(openai.APIStatusError) as raised:
            client.chat.completions.create(model="tier/ONE", messages=ask("x" * MAX_BODY_BYTES))
    assert raised.value.status_code == 413
    assert isinstance(raised.value.body, dict)
    assert str(MAX_BODY_BYTES) in raised.value.body["message"]
    headers = {"x-api-key": keys["chat"][0]}
    with httpx.Client(base_url=services["gateway"].url, headers=headers) as plain:
        answer = plain.post(
            "/v1/decisions", json={"tier": "ONE", "context": [1.0] * 12, "metadata": {"x": "x" * 70_000}}
        )
    assert answer.status_code == 413


def test_openapi_declares_the_scope_decide_for_chat(services: dict[str, ServiceProcess]) -> None:
    api = httpx.get(services["gateway"].url + "/openapi.json").json()
    chat = [what for methods in api["paths"].values() for what in methods.values() if what["tags"] == ["chat"]]
    assert len(chat) == 5
    assert all(what["security"] == [{"bearer": ["decide"]}, {"header": ["decide"]}] for what in chat)


def test_another_method_is_a_405(services: dict[str, ServiceProcess]) -> None:
    assert httpx.get(services["gateway"].url + "/v1/chat/completions").status_code == 405
