from __future__ import annotations

import sys
from typing import Any

import httpx
import msgspec
import pytest

from pointsman.contracts.config import Config
from pointsman.contracts.config.tiers import PolicyConfig, TierConfig
from pointsman.contracts.messages.codec import decode
from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.contracts.messages.policies import PolicyChange, change_decoder
from pointsman.core.bandit import Arm
from pointsman_gateway.api.policies.validation import check_change, configured_classes
from pointsman_gateway.app import make_app
from pointsman_gateway.backends import Backends
from pointsman_gateway.chat.service import ChatGateway
from pointsman_gateway.decision_client import DecisionClient
from pointsman_gateway.http.authentication import Authenticator

NONE: frozenset[str] = frozenset()


def change(**body: Any) -> PolicyChange:
    return decode(change_decoder, msgspec.json.encode(body))


def test_built_in_policies_are_accepted() -> None:
    check_change(
        change(
            active={"name": "live", "algorithm": "linucb", "parameters": {"epsilon": 0.01}},
            shadows=[{"name": "a", "algorithm": "uniform"}, {"name": "b", "algorithm": "static:ollama:llama3.2"}],
        ),
        NONE,
    )


def test_a_policys_own_rule_and_sampling_are_accepted_at_the_ends_of_their_ranges() -> None:
    own = {"algorithm": "thompson", "lambda_cost": 0, "mu_latency": 5.5, "forgetting": 1}
    check_change(change(active={"name": "a", **own}, shadows=[{"name": "b", "sample": 1, **own}]), NONE)


def test_no_shadows_at_all_is_a_change() -> None:
    check_change(change(shadows=[]), NONE)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, ""),
        ({"active": {"name": "a.b", "algorithm": "linucb"}}, "active.name"),
        ({"active": {"name": "a", "algorithm": "thompsn"}}, "active.algorithm"),
        ({"active": {"name": "a", "algorithm": "static:x"}}, "active.algorithm"),
        ({"active": {"name": "a", "algorithm": "linucb", "parameters": {"epsilon": 2}}}, "active.parameters.epsilon"),
        ({"active": {"name": "a", "algorithm": "linucb", "parameters": {"gamma": 2}}}, "active.parameters.gamma"),
        ({"active": {"name": "a", "algorithm": "linucb", "forgetting": 0}}, "active.forgetting"),
        ({"active": {"name": "a", "algorithm": "linucb", "forgetting": 1.01}}, "active.forgetting"),
        ({"active": {"name": "a", "algorithm": "linucb", "lambda_cost": -0.1}}, "active.lambda_cost"),
        ({"active": {"name": "a", "algorithm": "linucb", "mu_latency": -1}}, "active.mu_latency"),
        ({"active": {"name": "a", "algorithm": "linucb", "sample": 0.5}}, "active.sample"),
        ({"shadows": [{"name": "a", "algorithm": "uniform", "sample": 0}]}, "shadows[0].sample"),
        ({"shadows": [{"name": "a", "algorithm": "uniform", "sample": 2}]}, "shadows[0].sample"),
        ({"shadows": [{"name": "a", "algorithm": "thompson", "parameters": {"v": -1}}]}, "shadows[0].parameters.v"),
        ({"shadows": [{"name": "a", "algorithm": "uniform"}] * 2}, "shadows[1].name"),
        ({"shadows": [{"name": f"s{i}", "algorithm": "uniform"} for i in range(17)]}, "shadows"),
    ],
)
def test_a_wrong_change_is_refused_by_the_fields_name(body: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        check_change(change(**body), NONE)
    assert caught.value.field == field


def test_a_policy_that_always_chooses_an_arm_of_another_tier_is_refused() -> None:
    body = change(shadows=[{"name": "a", "algorithm": "uniform"}, {"name": "b", "algorithm": "static:p:m"}])
    with pytest.raises(InvalidMessage, match="p:m is not an arm of tier T") as caught:
        check_change(body, NONE, "T", [Arm("p", "n")])
    assert caught.value.field == "shadows[1].algorithm"
    check_change(body, NONE, "T", [Arm("p", "n"), Arm("p", "m")])
    check_change(body, NONE, "OPEN", [])


def test_a_request_cannot_make_the_gateway_import_a_module() -> None:
    assert "antigravity" not in sys.modules
    with pytest.raises(InvalidMessage) as caught:
        check_change(change(active={"name": "a", "algorithm": "antigravity:fly"}), NONE)
    assert caught.value.field == "active.algorithm"
    assert "antigravity" not in sys.modules


def test_a_class_that_the_configuration_names_is_accepted() -> None:
    name = "pointsman.core.bandit.fixed_policies:Uniform"
    config = Config(tier=[TierConfig(name="S")], shadow=[PolicyConfig(name="own", algorithm=name)])
    assert configured_classes(config) == {name}
    check_change(change(active={"name": "own", "algorithm": name}), configured_classes(config))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/v1/policies/NOPE"),
        ("POST", "/v1/policies/NOPE/promote"),
        ("POST", "/v1/policies/NOPE/revert"),
        ("GET", "/v1/policies/NOPE/history"),
    ],
)
async def test_an_unknown_tier_is_reported_before_an_invalid_body(method: str, path: str) -> None:
    backends = Backends(Config(tier=[TierConfig(name="S")]))
    decisions = DecisionClient(backends)
    app = make_app(backends, Authenticator(backends.config), decisions, ChatGateway(backends, decisions))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
        answer = await client.request(method, path, content=b"{")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (404, "tier")
        if method != "GET":
            assert (await client.request(method, path.replace("NOPE", "S"), content=b"{")).status_code == 400
    await backends.close()
