from __future__ import annotations

from typing import Any

import pytest

from pointsman.contracts.messages.policies import PolicySpec
from pointsman.core.bandit import RewardSettings
from pointsman.shadow.own_learning.own_rule import is_stateful, own_rule

REWARD = RewardSettings(lambda_cost=0.3, mu_latency=0.1)
LIVE = PolicySpec(name="live", algorithm="linucb")


@pytest.mark.parametrize(
    ("own", "active", "differs"),
    [
        ({}, {}, ""),
        ({"lambda_cost": 0.3, "mu_latency": 0.1, "forgetting": 1.0}, {}, ""),
        ({"forgetting": 0.99}, {}, "forgetting 0.99 instead of 1"),
        ({}, {"forgetting": 0.99}, "forgetting 1 instead of 0.99"),
        ({"forgetting": 0.99}, {"forgetting": 0.99}, ""),
        (
            {"lambda_cost": 2.0, "mu_latency": 0.0},
            {},
            "lambda_cost 2 instead of 0.3, mu_latency 0 instead of 0.1",
        ),
        ({"forgetting": 0.9999999}, {}, "forgetting 0.9999999 instead of 1"),
        # Out of range: a manual write to the bucket must not stop the shadow-evaluator.
        ({"forgetting": 0.0}, {}, "forgetting 0 instead of 1"),
        ({"lambda_cost": -1.0}, {}, "lambda_cost -1 instead of 0.3"),
    ],
)
def test_a_rule_is_a_shadows_own_when_it_differs_from_the_active_policys(
    own: dict[str, Any], active: dict[str, Any], differs: str
) -> None:
    shadow = PolicySpec(name="shadow", algorithm="thompson", **own)
    live = PolicySpec(name="live", algorithm="linucb", **active)
    assert own_rule(REWARD, shadow, live) == differs
    assert is_stateful(REWARD, shadow, live) is bool(differs)
