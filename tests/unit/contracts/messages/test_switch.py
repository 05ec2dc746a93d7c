"""What a tier's policies are after a switch."""

from __future__ import annotations

import functools
from typing import Any

import msgspec
import pytest

from pointsman.contracts.messages import switch
from pointsman.contracts.messages.errors import NoSuchShadow, SwitchRefused
from pointsman.contracts.messages.exploration import determinism_warning, is_deterministic
from pointsman.contracts.messages.policies import MAX_SHADOWS, PolicyChangeRecord, PolicySpec, TierPolicies
from pointsman.contracts.messages.switch import MAX_REVERTED, changed, reverted
from pointsman.core.bandit import make_policy

promoted = functools.partial(switch.promoted, floor=0.02)

LIVE = PolicySpec(name="live", algorithm="linucb", parameters={"epsilon": 0.1})
A = PolicySpec(name="a", algorithm="uniform")
B = PolicySpec(name="b", algorithm="cheapest", parameters={"epsilon": 0.1}, sample=0.25)
BEFORE = TierPolicies(active=LIVE, shadows=[A, B], configured="digest", active_since_ms=10)


def record(kind: str = "promote", at_ms: int = 20, **more: Any) -> PolicyChangeRecord:
    return PolicyChangeRecord(at_ms=at_ms, kind=kind, by="ops", **more)


def test_a_promoted_shadow_serves_and_what_served_takes_its_place() -> None:
    after = promoted(BEFORE, "a", record(why="better"))
    assert after.active == A
    assert after.shadows == [LIVE, B]
    assert (after.replaced, after.active_since_ms, after.changed_at_ms, after.changed_by) == (LIVE, 20, 20, "api")
    assert after.change == record(why="better", policy="a", replaced="live")
    assert after.configured == "digest"


def test_what_serves_runs_on_all_decisions_and_so_does_what_it_replaced() -> None:
    sampled = msgspec.structs.replace(BEFORE, active=msgspec.structs.replace(LIVE, sample=0.5))
    after = promoted(sampled, "b", record())
    assert after.active == msgspec.structs.replace(B, sample=None)
    assert after.shadows == [A, LIVE]


def test_what_was_replaced_comes_back() -> None:
    after = reverted(promoted(BEFORE, "a", record()), record("revert", 30))
    assert (after.active, after.shadows, after.active_since_ms) == (LIVE, [A, B], 30)
    assert (after.replaced, after.reverted) == (None, [A.identity])
    assert after.change == record("revert", 30, policy="live", replaced="a")


def test_a_promotion_is_taken_back_once() -> None:
    back = reverted(promoted(BEFORE, "a", record()), record("revert"))
    with pytest.raises(SwitchRefused, match="no promotion"):
        reverted(back, record("revert"))
    with pytest.raises(SwitchRefused, match="no promotion"):
        reverted(BEFORE, record("revert"))


def test_of_two_promotions_the_last_is_taken_back() -> None:
    twice = promoted(promoted(BEFORE, "a", record()), "b", record(at_ms=21))
    assert [spec.name for spec in twice.shadows] == ["live", "a"]
    back = reverted(twice, record("revert", 30))
    assert (back.active, [spec.name for spec in back.shadows]) == (A, ["live", "b"])


def test_a_promotion_can_be_taken_back_after_its_shadow_was_removed() -> None:
    after = promoted(BEFORE, "a", record())
    alone = changed(after, msgspec.structs.replace(after, shadows=[]), record("api", 25))
    assert (alone.replaced, alone.active_since_ms) == (LIVE, 20)
    back = reverted(alone, record("revert", 30))
    assert (back.active, back.shadows) == (LIVE, [A])


def test_a_policy_that_a_person_puts_in_is_no_promotion() -> None:
    after = promoted(BEFORE, "a", record())
    put = changed(after, msgspec.structs.replace(after, active=B), record("api", 25))
    assert (put.replaced, put.active_since_ms, put.changed_by) == (None, 25, "api")


@pytest.mark.parametrize("name", ["nope", "", "LIVE"])
def test_a_shadow_that_is_not_there_is_named_with_those_that_are(name: str) -> None:
    with pytest.raises(NoSuchShadow, match="the shadows are: a, b"):
        promoted(BEFORE, name, record())


def test_what_serves_already_cannot_be_promoted() -> None:
    with pytest.raises(SwitchRefused, match="is the active policy already"):
        promoted(BEFORE, "live", record())
    same = TierPolicies(active=LIVE, shadows=[msgspec.structs.replace(LIVE, sample=0.5)])
    with pytest.raises(SwitchRefused, match="is the active policy already"):
        promoted(same, "live", record())


def test_a_shadow_with_the_name_of_what_serves_is_in_the_way() -> None:
    other = msgspec.structs.replace(A, name="live")
    with pytest.raises(SwitchRefused, match="another shadow has this name"):
        promoted(TierPolicies(active=LIVE, shadows=[other, B]), "b", record())


def test_that_shadow_itself_can_be_promoted() -> None:
    other = msgspec.structs.replace(A, name="live")
    after = promoted(TierPolicies(active=LIVE, shadows=[other, B]), "live", record())
    assert (after.active, after.shadows) == (other, [LIVE, B])


def test_a_shadow_that_is_what_served_is_not_there_twice() -> None:
    sampled = msgspec.structs.replace(LIVE, sample=0.5)
    after = promoted(TierPolicies(active=LIVE, shadows=[sampled, A]), "a", record())
    assert after.shadows == [LIVE]


def test_taking_back_never_fails_for_a_name_or_for_room() -> None:
    after = promoted(BEFORE, "a", record())
    other = PolicySpec(name="a", algorithm="cheapest")
    named = changed(after, msgspec.structs.replace(after, shadows=[other]), record("api"))
    assert reverted(named, record("revert")).shadows == [other]
    many = [PolicySpec(name=f"s{at}", algorithm="uniform", parameters={}) for at in range(MAX_SHADOWS)]
    full = changed(after, msgspec.structs.replace(after, shadows=many), record("api"))
    assert reverted(full, record("revert")).shadows == many


def test_a_change_of_shadows_leaves_when_the_active_policy_began() -> None:
    wanted = TierPolicies(active=msgspec.structs.replace(LIVE, sample=0.5), shadows=[], configured="other")
    after = changed(BEFORE, wanted, record("configuration", 99))
    assert (after.active_since_ms, after.changed_at_ms, after.changed_by) == (10, 99, "configuration")
    other = changed(BEFORE, msgspec.structs.replace(wanted, active=A), record("configuration", 99))
    assert other.active_since_ms == 99
    assert changed(None, wanted, record("configuration", 99)).active_since_ms == 99


def test_what_was_taken_back_is_remembered_until_a_person_promotes_it_or_the_configuration_changes() -> None:
    back = reverted(promoted(BEFORE, "a", record()), record("revert"))
    assert changed(back, msgspec.structs.replace(back, shadows=[A]), record("api")).reverted == [A.identity]
    assert promoted(back, "b", record()).reverted == [A.identity]
    assert promoted(back, "a", record()).reverted == []
    assert changed(back, BEFORE, record("configuration")).reverted == []


def test_what_is_remembered_is_bounded() -> None:
    now = BEFORE
    for at in range(MAX_REVERTED + 5):
        one = PolicySpec(name=f"p{at}", algorithm="uniform")
        now = reverted(promoted(msgspec.structs.replace(now, shadows=[one]), one.name, record()), record("revert"))
    assert len(now.reverted) == MAX_REVERTED
    assert now.reverted[-1] == PolicySpec(name=f"p{MAX_REVERTED + 4}", algorithm="uniform").identity


@pytest.mark.parametrize(
    ("kind", "changed_by"),
    [("promote", "api"), ("configuration", "configuration"), ("automatic-promote", "automatic")],
)
def test_the_old_field_has_the_author_of_the_change_too(kind: str, changed_by: str) -> None:
    assert changed(BEFORE, msgspec.structs.replace(BEFORE, active=A), record(kind)).changed_by == changed_by


@pytest.mark.parametrize(
    ("algorithm", "parameters", "served"),
    [
        ("epsilon-greedy", {"epsilon": 0.0}, 0.02),
        ("linucb", {"epsilon": 0.001, "alpha": 2.0}, 0.02),
        ("linucb", {"epsilon": 0.03}, 0.03),
        ("linucb", {}, None),
        ("scaled-linucb", {"epsilon": 0.0}, 0.02),
        ("scaled-linucb", {"epsilon": 0.05}, 0.05),
        ("static:openai:gpt-4o", {}, 0.02),
        ("cheapest", {}, 0.02),
        ("thompson", {}, 0.02),
        ("softmax", {}, 0.02),
        ("uniform", {}, None),
    ],
)
def test_a_promoted_policy_explores_at_least_as_much_as_the_floor(
    algorithm: str, parameters: dict[str, Any], served: float | None
) -> None:
    shadow = PolicySpec(name="new", algorithm=algorithm, parameters=parameters)
    after = promoted(TierPolicies(active=LIVE, shadows=[shadow]), "new", record())
    assert after.active.parameters.get("epsilon") == served
    assert {**after.active.parameters, "epsilon": 0} == {**parameters, "epsilon": 0}
    policy = make_policy(after.active.algorithm, after.active.parameters)
    assert getattr(policy, "epsilon", policy.exploration) >= 0.02
    assert not is_deterministic(after.active)
    with pytest.raises(SwitchRefused, match="active policy already"):
        promoted(TierPolicies(active=after.active, shadows=[shadow]), "new", record())


def test_without_a_floor_the_policy_is_promoted_as_it_is() -> None:
    shadow = PolicySpec(name="new", algorithm="cheapest")
    assert switch.promoted(TierPolicies(active=LIVE, shadows=[shadow]), "new", record(), floor=0.0).active == shadow


@pytest.mark.parametrize(
    ("algorithm", "parameters", "deterministic"),
    [
        ("linucb", {"epsilon": 0.0}, True),
        ("linucb", {}, False),
        ("scaled-linucb", {}, False),
        ("scaled-linucb", {"epsilon": 0.0}, True),
        ("scaled-thompson", {}, False),
        ("static:p:m", {}, True),
        ("thompson", {}, False),
        ("thompson", {"v": 0.0}, True),
        ("softmax", {}, False),
        ("uniform", {}, False),
        ("tests.unit.core.bandit.own_policies:Fixed", {}, True),
        ("no_such_module:Class", {}, False),
    ],
)
def test_a_policy_that_does_not_explore_is_recognised(
    algorithm: str, parameters: dict[str, Any], deterministic: bool
) -> None:
    spec = PolicySpec(name="x", algorithm=algorithm, parameters=parameters)
    assert is_deterministic(spec) == deterministic
    assert bool(determinism_warning(spec)) == deterministic
