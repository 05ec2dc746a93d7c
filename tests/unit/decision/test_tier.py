"""What a replica does with what it reads of a tier: take it, or keep what it has."""

from __future__ import annotations

import numpy as np

from pointsman.contracts.messages.policies import PolicySpec
from pointsman.core.bandit import Arm, ArmState
from pointsman.learning.reset import RESETTING
from pointsman.learning.tier_store import TierChanges
from pointsman_decision.tier import Tier

OLD, NEW = Arm("openai", "gpt-5"), Arm("ollama", "llama3.2")
LOG = "2026-11-22T02:42:01Z"


def _tier() -> Tier:
    return Tier("SIMPLE", 2, PolicySpec(name="linucb", algorithm="linucb"), {})


def _changes(watermark: int, arms: dict[Arm, ArmState], epoch: str = LOG, generation: str = "a") -> TierChanges:
    return TierChanges(epoch, watermark, watermark * 10, {}, arms, generation=generation)


def _learned(version: int) -> ArmState:
    state = ArmState.fresh(2)
    state.observe(np.array([1.0, 0.5]), 1.0)
    state.version = version
    return state


def _pulls(tier: Tier, arm: Arm) -> int:
    return tier.choose((arm,), [[1.0, 0.5]])[0].scores[0].pulls


def test_what_changed_is_taken_and_what_did_not_stays() -> None:
    tier = _tier()
    assert tier.apply_update(_changes(5, {OLD: _learned(5)}))
    assert tier.apply_update(_changes(7, {NEW: _learned(7)}))
    assert (_pulls(tier, OLD), _pulls(tier, NEW), tier.watermark) == (1, 1, 7)


def test_memory_is_kept_while_the_store_is_made_again() -> None:
    tier = _tier()
    tier.apply_update(_changes(7, {OLD: _learned(7)}))
    for epoch, watermark, generation in (("", 0, ""), (RESETTING, 0, ""), (LOG, 3, "b")):
        assert not tier.apply_update(_changes(watermark, {}, epoch, generation))
    assert (_pulls(tier, OLD), tier.watermark) == (1, 7)


def test_a_store_that_was_made_again_replaces_what_was_kept_of_the_log_before() -> None:
    tier = _tier()
    tier.apply_update(_changes(7, {OLD: _learned(7)}))
    assert tier.apply_update(_changes(9, {NEW: _learned(9)}, generation="b"))
    assert (_pulls(tier, OLD), _pulls(tier, NEW)) == (0, 1)


def test_another_log_replaces_everything() -> None:
    tier = _tier()
    tier.apply_update(_changes(7, {OLD: _learned(7)}))
    assert tier.apply_update(_changes(2, {NEW: _learned(2)}, epoch="2027-01-01T00:00:00Z"))
    assert (_pulls(tier, OLD), _pulls(tier, NEW), tier.watermark) == (0, 1, 2)
