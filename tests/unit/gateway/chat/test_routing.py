"""Which models can be named, and where they lead."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.contracts.config import Config
from pointsman.contracts.config.llm import AutoTier, LlmConfig
from pointsman.contracts.config.tiers import TierConfig
from pointsman.core.bandit import Arm
from pointsman.core.features import view_request
from pointsman_gateway.chat.errors import ChatError
from pointsman_gateway.chat.request.features import ChatFeatures
from pointsman_gateway.chat.request.routing import Routing

TIERS = [
    TierConfig(name="A", arms=["p:m", "q:n/2:free"]),
    TierConfig(name="B", arms=["q:n/2:free"]),
    TierConfig(name="EMPTY"),
]
VIEW = view_request({"messages": [{"role": "user", "content": "Hello"}]}, "openai")


def routing(**llm: Any) -> Routing:
    config = Config(tier=TIERS, llm=LlmConfig(**llm))
    return Routing(config, ChatFeatures(config))


def test_what_can_be_named() -> None:
    assert routing().models == ["auto", "tier/A", "tier/B", "p:m", "q:n/2:free"]


@pytest.mark.parametrize(
    ("model", "tier", "arms", "direct"),
    [
        ("auto", "A", ["p:m", "q:n/2:free"], False),
        ("tier/B", "B", ["q:n/2:free"], False),
        ("q:n/2:free", "A", ["q:n/2:free"], True),
    ],
)
def test_where_a_model_leads(model: str, tier: str, arms: list[str], direct: bool) -> None:
    route = routing().route(model, VIEW)
    assert (route.tier, route.arms, route.direct) == (tier, tuple(Arm.parse(arm) for arm in arms), direct)


def test_auto_has_the_tier_that_is_configured() -> None:
    assert routing(default_tier="B").route("auto", VIEW).tier == "B"


@pytest.mark.parametrize("model", ["gpt-5", "tier/C", "tier/EMPTY", "A", "p:other"])
def test_an_unknown_model_is_refused(model: str) -> None:
    with pytest.raises(ChatError) as raised:
        routing().route(model, VIEW)
    assert (raised.value.status, raised.value.code) == (404, "model_not_found")


def test_an_unknown_model_is_taken_for_auto_where_that_is_configured_but_a_tier_must_exist() -> None:
    lenient = routing(unknown_model="auto")
    assert lenient.route("gpt-5", VIEW).tier == "A"
    with pytest.raises(ChatError):
        lenient.route("tier/C", VIEW)


AUTO = [AutoTier(tier="A", below=0.9), AutoTier(tier="B")]


@pytest.mark.parametrize(("before", "tier"), [(None, "A"), ("A", "A"), ("B", "B"), ("EMPTY", "A"), ("gone", "A")])
def test_a_conversation_stays_in_its_tier_as_long_as_that_can_serve(before: str | None, tier: str) -> None:
    route = routing(auto=AUTO).route("auto", VIEW, before)
    assert route.tier == tier
    assert route.previous_tier == (before if before in ("A", "B") else None)
    assert route.difficulty is not None


def test_who_names_a_tier_or_an_arm_gets_it_whatever_was_before() -> None:
    named = routing(auto=AUTO)
    assert named.route("tier/A", VIEW, "B").tier == "A"
    assert named.route("p:m", VIEW, "B").direct
