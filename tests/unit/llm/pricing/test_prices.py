"""What calls cost: against the price list's own calculation, and by the configuration."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from typing import Any

import pytest
from genai_prices import Usage as ListedUsage
from genai_prices.data_snapshot import get_snapshot

from pointsman.contracts.config.outcomes import PriceConfig
from pointsman.contracts.config.providers import ProviderConfig
from pointsman.core.bandit import Arm
from pointsman.llm.completion import Completion, ToolCall, Usage
from pointsman.llm.pricing.price_list import ListedModel
from pointsman.llm.pricing.prices import Prices, estimated_usage
from pointsman.llm.pricing.rates import FREE, Rate, Rates

CALL = Usage(input_tokens=1000, cached_input_tokens=400, cache_write_tokens=100, output_tokens=200)
TEXT_ONLY = {"input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "requests_kcount"}


def test_all_models_of_the_list_cost_what_the_list_calculates() -> None:
    """Prompts below and above every step of every price; those that bill something else than text are left out."""
    at, compared = datetime.now(UTC), 0
    for provider in get_snapshot().providers:
        for model in provider.models:
            prices = model.get_prices(at)
            priced = {name for name, value in vars(prices).items() if value is not None}
            if not {"input_mtok", "output_mtok"} <= priced <= TEXT_ONLY:
                continue
            compared += 1
            for tokens in (1000, 300_000, 2_000_000):
                usage = Usage(input_tokens=tokens, cached_input_tokens=400, cache_write_tokens=100, output_tokens=200)
                listed = ListedUsage(
                    input_tokens=tokens, cache_read_tokens=400, cache_write_tokens=100, output_tokens=200
                )
                expected = float(model.calc_price(listed, provider, genai_request_timestamp=at).total_price)
                cost = ListedModel(model).rates(at).cost_usd(usage)
                assert cost == pytest.approx(expected, rel=1e-9), (provider.id, model.id, tokens)
    assert compared > 1000


@pytest.fixture
async def prices() -> Prices:
    configured = [
        PriceConfig(provider="ollama", free=True),
        PriceConfig(provider="corp", like="openai"),
        PriceConfig(provider="corp", model="own", input_usd_per_million=1.0, output_usd_per_million=10.0),
        PriceConfig(provider="corp", model="own@max", input_usd_per_million=2.0, output_usd_per_million=20.0),
        PriceConfig(
            provider="openai",
            model="gpt-4o",
            input_usd_per_million=1.0,
            output_usd_per_million=2.0,
            cached_usd_per_million=0.5,
            cache_write_usd_per_million=4.0,
        ),
    ]
    providers = [
        ProviderConfig(name="corp", base_url="http://10.0.0.1/v1"),
        ProviderConfig(name="azure", base_url="https://corp.openai.azure.com"),
        ProviderConfig(name="relay", base_url="http://10.0.0.2/v1", models={"a": "gpt-4o-mini"}),
        ProviderConfig(name="mine", base_url="https://api.openai.com/v1", models={"fast": "gpt-4o-mini"}),
    ]
    made = Prices(configured, providers)
    await made.load()
    return made


@pytest.mark.parametrize(
    ("arm", "answered_by", "cost_usd"),
    [
        # US dollars for a million tokens of gpt-4o-mini: 0.15 in, 0.075 of that cached, 0.60 out.
        ("openai:gpt-4o-mini", None, (600 * 0.15 + 400 * 0.075 + 200 * 0.6) * 1e-6),
        ("openai:gpt-4o", None, (500 * 1.0 + 400 * 0.5 + 100 * 4.0 + 200 * 2.0) * 1e-6),
        ("corp:gpt-4o-mini", None, (600 * 0.15 + 400 * 0.075 + 200 * 0.6) * 1e-6),
        ("corp:own", None, (1000 * 1.0 + 200 * 10.0) * 1e-6),
        ("mine:fast", None, (600 * 0.15 + 400 * 0.075 + 200 * 0.6) * 1e-6),
        ("azure:our-deployment", "gpt-4o-mini-2024-07-18", (600 * 0.15 + 400 * 0.075 + 200 * 0.6) * 1e-6),
        ("anthropic:claude-3-5-sonnet-20241022", None, (500 * 3.0 + 400 * 0.3 + 100 * 3.75 + 200 * 15.0) * 1e-6),
        # The price of an effort is that of its model, unless it has its own.
        ("openai:gpt-4o-mini@high", None, (600 * 0.15 + 400 * 0.075 + 200 * 0.6) * 1e-6),
        ("mine:fast@low", None, (600 * 0.15 + 400 * 0.075 + 200 * 0.6) * 1e-6),
        ("corp:own@high", None, (1000 * 1.0 + 200 * 10.0) * 1e-6),
        ("corp:own@max", None, (1000 * 2.0 + 200 * 20.0) * 1e-6),
        ("ollama:llama3.2", None, 0.0),
        ("openrouter:meta-llama/llama-3.1-8b-instruct:free", None, 0.0),
        ("lmstudio:llama3.2", None, None),  # local or not, no [[price]] makes it free
        ("relay:a", None, None),  # whose prices hold behind a proxy is not known
        ("openai:no-such-model", None, None),
        ("unknown:gpt-4o-mini", None, None),
    ],
)
async def test_the_cost_of_a_call(prices: Prices, arm: str, answered_by: str | None, cost_usd: float | None) -> None:
    found = prices.cost_usd(Arm.parse(arm), CALL, answered_by)
    assert found == (None if cost_usd is None else pytest.approx(cost_usd, rel=1e-9))


async def test_no_price_needs_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a connection was made")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    prices = Prices([], [])
    await prices.load()
    assert prices.cost_usd(Arm("openai", "gpt-4o-mini"), CALL) is not None
    assert prices.cost_usd(Arm("openai", "no-such-model"), CALL) is None


@pytest.mark.parametrize(
    "usage", [Usage(), Usage(input_tokens=5), Usage(output_tokens=5), Usage(cached_input_tokens=5)]
)
def test_without_tokens_there_is_no_cost(usage: Usage) -> None:
    assert FREE.cost_usd(usage) is None


def test_what_has_no_price_makes_the_cost_unknown_and_not_zero() -> None:
    assert Rates(None, Rate(1.0)).cost_usd(CALL) is None
    assert Rates(Rate(1.0), None).cost_usd(CALL) is None
    assert Rates(Rate(1.0), None).cost_usd(Usage(input_tokens=10, output_tokens=0)) == pytest.approx(1e-5)


def test_more_cached_tokens_than_there_are_cost_no_less_than_nothing() -> None:
    odd = Usage(input_tokens=10, cached_input_tokens=50, cache_write_tokens=50, output_tokens=0)
    assert Rates(Rate(1.0), Rate(1.0), Rate(0.1), Rate(2.0)).cost_usd(odd) == pytest.approx(1e-6)


def test_the_step_that_a_prompt_is_beyond_holds_for_all_its_tokens() -> None:
    rate = Rate(1.0, ((100, 2.0), (200, 3.0)))
    assert [rate.at(tokens) for tokens in (0, 100, 101, 200, 201)] == [1.0, 1.0, 2.0, 2.0, 3.0]


def test_reported_usage_is_not_estimated() -> None:
    assert estimated_usage(Completion(status=200, usage=CALL, text_chars=9), 5) is CALL


def test_missing_tokens_are_counted_from_the_text_and_marked() -> None:
    call = ToolCall(name="ab", arguments='{"c":1}', valid_json=True)
    found = estimated_usage(Completion(status=200, text_chars=10, tool_calls=(call,)), 5)
    assert (found.input_tokens, found.output_tokens, found.estimated) == (5, 5, True)  # 19 characters
    half = Completion(status=200, usage=Usage(input_tokens=70, cached_input_tokens=60), text_chars=8)
    found = estimated_usage(half, 5)
    assert (found.input_tokens, found.cached_input_tokens, found.output_tokens) == (70, 60, 2)
    assert found.estimated


async def test_names_that_a_provider_invents_are_not_kept_where_the_arm_is_listed() -> None:
    prices = Prices([], [])
    await prices.load()
    usage = Usage(input_tokens=10, output_tokens=10)
    costs = {prices.cost_usd(Arm("openai", "gpt-4o"), usage, f"gpt-{at}") for at in range(100)}
    assert len(costs) == 1
    assert len(prices._cached) == 1


async def test_cost_that_the_provider_reports_comes_after_a_configured_price_and_before_the_list() -> None:
    price = PriceConfig(provider="openai", model="own", input_usd_per_million=1.0, output_usd_per_million=2.0)
    prices = Prices([price], [])
    await prices.load()
    usage = Usage(input_tokens=1_000_000, output_tokens=0, cost_usd=0.0123)
    assert prices.cost_usd(Arm("openai", "own"), usage) == 1.0
    assert prices.cost_usd(Arm("openai", "gpt-4o"), usage) == 0.0123
    assert prices.cost_usd(Arm("unlisted", "m"), usage) == 0.0123
    half = Completion(status=200, usage=Usage(input_tokens=5, cost_usd=0.0), text_chars=8)
    assert prices.cost_usd(Arm("unlisted", "m"), estimated_usage(half, 5)) == 0.0
