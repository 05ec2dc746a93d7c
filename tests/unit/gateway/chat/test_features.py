"""What the gateway makes of a chat request."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import pytest

from pointsman.contracts.config import Config
from pointsman.contracts.config.llm import AutoTier, LlmConfig
from pointsman.contracts.config.tiers import ContextConfig, TierConfig
from pointsman.core.features import RequestView, chat_features, view_request
from pointsman_gateway.chat.errors import ChatError
from pointsman_gateway.chat.request.features import ChatFeatures
from pointsman_gateway.chat.request.routing import Routing

TIERS = [TierConfig(name="SMALL", arms=["p:m"]), TierConfig(name="LARGE", arms=["p:n"])]
AUTO = [AutoTier(tier="SMALL", below=0.2), AutoTier(tier="LARGE")]


def view(text: str) -> RequestView:
    return view_request({"messages": [{"role": "user", "content": text}]}, "openai")


HELLO, PROOF = view("Hello"), view("Prove it step by step, and explain and justify each step.")


def config(dim: int = 12, mismatch: Any = "reject", **llm: Any) -> Config:
    return Config(context=ContextConfig(dim=dim, mismatch=mismatch), tier=TIERS, llm=LlmConfig(auto=AUTO, **llm))


class Length:
    names = ("bias", "length")
    version = 7
    dim = 2

    def extract(self, view: RequestView) -> Sequence[float]:
        if "boom" in view.last_user_text:
            raise ValueError("boom")
        return [1.0, len(view.last_user_text)]


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("own")
    module.Length = Length  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "own", module)


def test_auto_goes_by_the_request() -> None:
    routing = Routing(config(), ChatFeatures(config()))
    simple, demanding = routing.route("auto", HELLO), routing.route("auto", PROOF)
    assert (simple.tier, demanding.tier) == ("SMALL", "LARGE")
    assert simple.difficulty == 0.0
    assert demanding.difficulty is not None
    assert demanding.difficulty > 0.2
    assert routing.route("tier/LARGE", HELLO).difficulty is None
    assert routing.route("p:m", HELLO).difficulty is None


def test_the_context_has_the_chat_features() -> None:
    features = ChatFeatures(config())
    assert (features.label, features.context(PROOF)) == ("chat/1", chat_features(PROOF))


def test_another_length_is_refused_naming_both_settings() -> None:
    with pytest.raises(ChatError) as raised:
        ChatFeatures(config(dim=3)).context(HELLO)
    assert raised.value.status == 503
    assert "llm.features: 'chat' returns 12 features, but context.dim is 3" in raised.value.message


@pytest.mark.parametrize("dim", [3, 15])
def test_another_length_is_cut_or_filled_up_where_that_is_configured(dim: int) -> None:
    context = ChatFeatures(config(dim=dim, mismatch="pad")).context(PROOF)
    assert context == (chat_features(PROOF) + [0.0] * 3)[:dim]


@pytest.mark.usefixtures("own")
def test_an_extractor_of_ones_own_makes_the_context_and_not_the_tier() -> None:
    features = ChatFeatures(config(dim=2, features="own:Length"))
    assert (features.label, features.context(HELLO)) == ("own:Length/7", [1.0, 5.0])
    assert features.tier(PROOF) == ChatFeatures(config()).tier(PROOF)


@pytest.mark.usefixtures("own")
def test_an_extractor_that_fails_leaves_no_context_to_choose_by() -> None:
    features = ChatFeatures(config(dim=2, features="own:Length"))
    assert features.context(view("boom")) is None
    assert features.tier(view("boom"))[0] == "SMALL"


def test_the_context_is_the_same_whether_the_features_found_the_tier_before_or_not() -> None:
    seeing = ChatFeatures(config())
    alone = seeing.context(PROOF)
    seeing.tier(HELLO)
    assert seeing.context(PROOF) == alone == chat_features(PROOF)
    seeing.tier(PROOF)
    assert seeing.context(PROOF) == alone


@pytest.mark.usefixtures("own")
def test_the_features_that_found_the_tier_are_not_the_context_of_another_extractor() -> None:
    seeing = ChatFeatures(config(2, features="own:Length"))
    seeing.tier(HELLO)
    assert seeing.context(HELLO) == [1.0, 5.0]
