"""The rule that outcomes are accepted under follows the active policy."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pointsman.contracts.config import Config
from pointsman.contracts.config.tiers import PolicyConfig, TierConfig
from pointsman.contracts.messages.policies import PolicySpec, TierPolicies
from pointsman.core.bandit import RewardRule, RewardSettings
from pointsman_gateway.api.policies.active import ActiveRules

CONFIG = Config(
    reward=RewardSettings(lambda_cost=0.5),
    tier=[TierConfig(name="PLAIN"), TierConfig(name="OWN", policy=PolicyConfig(forgetting=0.9, mu_latency=0.0))],
)


def test_the_configured_policies_rule_is_in_force_until_the_bucket_was_read() -> None:
    rules = ActiveRules(CONFIG)
    assert rules.rule("PLAIN") == RewardRule(normalizer="quantile", lambda_cost=0.5)
    assert rules.rule("OWN") == RewardRule(normalizer="quantile", lambda_cost=0.5, mu_latency=0.0, forgetting=0.9)


def test_the_active_policys_own_settings_go_over_the_configured_ones_and_a_shadows_do_not() -> None:
    rules = ActiveRules(CONFIG)
    active = PolicySpec(name="a", algorithm="linucb", forgetting=0.99, lambda_cost=0.0)
    shadow = PolicySpec(name="b", algorithm="linucb", forgetting=0.5)
    rules.update("OWN", 2, TierPolicies(active=active, shadows=[shadow]))
    assert rules.rule("OWN") == RewardRule(normalizer="quantile", lambda_cost=0.0, forgetting=0.99)
    assert rules.rule("PLAIN") == RewardRule(normalizer="quantile", lambda_cost=0.5)
    rules.update("OWN", 3, TierPolicies(active=PolicySpec(name="c", algorithm="uniform")))
    assert rules.rule("OWN") == RewardRule(normalizer="quantile", lambda_cost=0.5)


@pytest.mark.parametrize(
    "own", [{"forgetting": 0.0}, {"forgetting": 7.0}, {"lambda_cost": -1.0}, {"mu_latency": math.inf}]
)
def test_settings_that_nothing_could_be_learned_with_are_not_taken(own: dict[str, Any]) -> None:
    rules = ActiveRules(CONFIG)
    rules.update("OWN", 2, TierPolicies(active=PolicySpec(name="a", algorithm="linucb", **own)))
    assert rules.rule("OWN") == RewardRule(normalizer="quantile", lambda_cost=0.5, mu_latency=0.0, forgetting=0.9)


def test_a_tier_that_is_not_configured_is_no_matter() -> None:
    rules = ActiveRules(CONFIG)
    rules.update("GONE", 2, TierPolicies(active=PolicySpec(name="a", algorithm="linucb")))
    with pytest.raises(KeyError):
        rules.rule("GONE")
