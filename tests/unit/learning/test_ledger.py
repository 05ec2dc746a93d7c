"""One tier's state as a function of its log: what each message changes, and what it does not."""

from __future__ import annotations

import math
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.errors import UnknownVersion
from pointsman.contracts.messages.outcome import Outcome
from pointsman.contracts.messages.subjects import outcomes
from pointsman.core.bandit import Arm, Learner, RewardRule
from pointsman.learning.applied_bits import AppliedBits
from pointsman.learning.ledger import Applied, Dead, Skipped, TierLedger, read_outcome
from pointsman.learning.tier_store import encode_arm
from pointsman.runtime.store.keys import APPLIED_CHUNK as CHUNK
from tests.unit.learning.outcomes import TIER, ledger, outcome, read, some_log

GPT = Arm("openai", "gpt-5")


def _bytes(of: TierLedger) -> tuple[object, ...]:
    arms = {arm: encode_arm(state) for arm, state in of.learner.arms.items()}
    bits = {chunk: of.bits.chunk(chunk) for chunk in of.bits.held()}
    return arms, of.learner.state(), bits, of.watermark


def test_an_outcome_is_learned_from_and_moves_the_watermark() -> None:
    learned = ledger()
    result = learned.apply(read(outcome(9, quality=75.0), sequence=4))
    assert isinstance(result, Applied)
    assert (result.arm, result.reward.value, result.sequence) == (GPT, 75.0, 4)
    state = learned.learner.arms[GPT]
    assert (state.n, state.version, state.updated_at_ms) == (1, 4, 40)
    assert learned.watermark == 4


def test_a_second_outcome_of_a_decision_changes_nothing_but_the_watermark() -> None:
    learned = ledger()
    learned.apply(read(outcome(9), 1))
    before = _bytes(learned)[:3]
    assert learned.apply(read(outcome(9, quality=1.0, cost_usd=5.0), 2)) == Skipped(2, "duplicate")
    assert _bytes(learned)[:3] == before
    assert learned.watermark == 2


def test_a_degraded_outcome_is_not_learned_from() -> None:
    learned = ledger()
    fallback = Outcome(decision_id="fallback.SIMPLE.0123456789abcdef", tier=TIER, learn=False, accepted_at_ms=1)
    assert learned.apply(read(fallback, 1)) == Skipped(1, "degraded")
    assert learned.learner.arms == {}
    assert learned.bits.held() == set()
    assert learned.watermark == 1


@pytest.mark.parametrize("rule", [{"forgetting": 0.0}, {"lambda_cost": -1.0}, {"normalizer": "zscore"}])
def test_the_rule_of_an_outcome_that_is_not_learned_from_does_not_matter(rule: dict[str, Any]) -> None:
    message = msgspec.to_builtins(outcome(9, learn=False)) | {"rule": rule}
    entry = read_outcome(outcomes(TIER), encode(message), 1, at_ms=10)
    assert ledger().apply(entry) == Skipped(1, "degraded")
    learned = read_outcome(outcomes(TIER), encode(message | {"learn": True}), 1, at_ms=10)
    assert isinstance(ledger().apply(learned), Dead)


def test_a_context_of_another_dimension_changes_nothing_not_even_the_bit() -> None:
    learned = ledger()
    learned.apply(read(outcome(1), 1))
    before = _bytes(learned)[:3]
    wrong = learned.apply(read(outcome(2, context=[1.0, 2.0], cost_usd=9.0), 2))
    assert isinstance(wrong, Dead)
    assert "learned with 3 features, got 2" in wrong.reason
    assert _bytes(learned)[:3] == before
    assert learned.watermark == 2
    assert isinstance(learned.apply(read(outcome(2), 3)), Applied)


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"tier": "COMPLEX"}, "tier"),
        ({"quality": -1.0}, "quality"),
        ({"quality": 100.5}, "quality"),
        ({"reward": 101.0}, "reward"),
        ({"cost_usd": -0.01}, "cost_usd"),
        ({"latency_ms": -5.0}, "latency_ms"),
        ({"decision_sequence": 0}, "decision_sequence"),
        ({"decision_sequence": 2**63}, "decision_sequence"),
        ({"provider": ""}, "provider"),
        ({"provider": "open:ai"}, "provider"),
        ({"model": "m" * 300}, "model"),
        ({"context": []}, "context"),
        ({"context": [1.0, 2e6]}, r"context: \[1\]"),
        ({"rule": {"normalizer": "zscore"}}, "rule.normalizer"),
        ({"rule": {"lambda_cost": -0.1}}, "rule.lambda_cost"),
        ({"rule": {"mu_latency": -1.0}}, "rule.mu_latency"),
        ({"rule": {"forgetting": 0.0}}, "rule.forgetting: expected more than 0 and at most 1, got 0"),
        ({"rule": {"forgetting": 1.001}}, "rule.forgetting"),
        ({"rule": {"forgetting": -0.5}}, "rule.forgetting"),
        ({"rule": {"cost_bounds_usd": (1.0, 1.0)}}, "rule.cost_bounds_usd"),
        ({"rule": {"latency_bounds_ms": (5.0, 1.0)}}, "rule.latency_bounds_ms"),
    ],
)
def test_an_outcome_that_the_gateway_would_not_write_is_dead_with_the_reason(
    fields: dict[str, Any], names: str
) -> None:
    learned = ledger()
    dead = learned.apply(read(outcome(1, **fields), 7))
    assert isinstance(dead, Dead)
    assert re.search(names, dead.reason)
    assert learned.learner.arms == {}
    assert learned.bits.held() == set()
    assert learned.watermark == 7


def test_an_outcome_of_a_newer_version_is_not_dead() -> None:
    with pytest.raises(UnknownVersion, match="message 7: message version 3 is newer"):
        read(outcome(1, v=Outcome.version + 1), 7)


@pytest.mark.parametrize("data", [b"", b"{", b"null", b"[]", b'"text"', b"\xff\xfe", b'{"tier":"SIMPLE"}', b"[" * 5000])
def test_message_that_is_no_outcome_is_dead(data: bytes) -> None:
    dead = ledger().apply(read_outcome(outcomes(TIER), data, 3, 0))
    assert isinstance(dead, Dead)
    assert dead.sequence == 3
    assert dead.reason


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_a_number_that_is_not_finite_is_dead(number: str) -> None:
    data = encode(outcome(1, cost_usd=123.0)).replace(b"123.0", number.encode())
    assert isinstance(ledger().apply(read_outcome(outcomes(TIER), data, 1, 0)), Dead)


def test_the_rule_in_the_outcome_decides_its_reward() -> None:
    rule = RewardRule(lambda_cost=0.5, normalizer="fixed", cost_bounds_usd=(0.0, 1.0))
    result = ledger().apply(read(outcome(1, quality=90.0, cost_usd=0.5, rule=rule), 1))
    assert isinstance(result, Applied)
    assert result.reward.value == 65.0


def test_the_rule_in_the_outcome_decides_what_its_arm_forgets() -> None:
    learned = ledger()
    learned.apply(read(outcome(1, context=[2.0], reward=100.0), 1))
    learned.apply(read(outcome(2, context=[1.0], reward=50.0, rule=RewardRule(forgetting=0.5)), 2))
    state = learned.learner.arms[GPT]
    assert (state.A.tolist(), state.b.tolist()) == ([[4.0]], [1.5])


def test_a_field_of_a_later_version_is_skipped() -> None:
    data = encode(outcome(1))[:-1] + b',"carbon_g":0.2}'
    assert isinstance(ledger().apply(read_outcome(outcomes(TIER), data, 1, 0)), Applied)


@given(st.integers(0, 10_000), st.data())
def test_the_same_log_leaves_the_same_bytes_however_it_is_cut_into_batches(seed: int, data: st.DataObject) -> None:
    """A batch ends with a save; what goes on has only what was saved, as after a crash."""
    log = some_log(seed, 60)
    whole = ledger()
    for message in log:
        whole.apply(message)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(log)), max_size=8)) | {len(log)})
    saved = ledger()
    begin = 0
    for cut in cuts:
        for message in log[begin:cut]:
            saved.apply(message)
        bits = AppliedBits(complete=True)
        for chunk in saved.bits.held():
            bits.load(chunk, saved.bits.chunk(chunk))
        learner = Learner.from_state(dict(saved.learner.arms), saved.learner.state())
        saved = TierLedger(learner=learner, bits=bits, watermark=saved.watermark)
        begin = cut
    assert _bytes(saved) == _bytes(whole)


@given(st.integers(0, 10_000), st.integers(0, 59))
def test_reading_a_stretch_of_the_log_again_learns_nothing_again(seed: int, again: int) -> None:
    log = [read(outcome(decision), decision) for decision in range(1, 61)]
    once, twice = ledger(), ledger()
    for message in log:
        once.apply(message)
        twice.apply(message)
    for message in log[again:]:
        assert isinstance(twice.apply(message), Skipped)
    assert _bytes(twice)[:3] == _bytes(once)[:3]


def test_bits_are_those_that_redis_sets() -> None:
    """``SETBIT key 0`` sets the highest bit of the first byte."""
    bits = AppliedBits(complete=True)
    for sequence in (0, 7, 8, 17):
        assert bits.mark(sequence)
    assert bits.chunk(0) == bytes([0b1000_0001, 0b1000_0000, 0b0100_0000])
    assert not bits.mark(17)


def test_bits_of_two_chunks_do_not_meet() -> None:
    bits = AppliedBits(complete=True)
    assert bits.mark(CHUNK - 1)
    assert bits.mark(CHUNK)
    assert bits.mark(3 * CHUNK)
    assert bits.held() == {0, 1, 3}
    assert len(bits.chunk(0)) == CHUNK // 8
    assert bits.chunk(1) == b"\x80"
    assert bits.chunk(2) == b""


def test_a_chunk_that_was_not_loaded_is_never_taken_for_empty() -> None:
    bits = AppliedBits()
    assert bits.missing([5, CHUNK, CHUNK + 1]) == {0, 1}
    with pytest.raises(KeyError, match="chunk 0 was not loaded"):
        bits.mark(5)
    bits.load(0, b"\x04")
    assert bits.missing([5, CHUNK]) == {1}
    assert not bits.mark(5)
    assert bits.mark(6)


def test_trimming_drops_what_was_not_used_for_longest() -> None:
    bits = AppliedBits()
    for chunk in range(260):
        bits.load(chunk, b"")
    bits.mark(2)  # chunk 0 is in use
    bits.trim()
    assert len(bits.held()) == 256
    assert bits.held() == {0} | set(range(5, 260))


def test_a_complete_set_of_bits_is_never_trimmed() -> None:
    bits = AppliedBits(complete=True)
    for chunk in range(300):
        bits.mark(chunk * CHUNK)
    bits.trim()
    assert len(bits.held()) == 300
    assert bits.missing([10**9]) == set()


def test_a_reward_is_a_number_even_at_the_edge_of_what_is_accepted() -> None:
    result = ledger().apply(read(outcome(1, cost_usd=1.7e308, latency_ms=5e-324), 1))
    assert isinstance(result, Applied)
    assert math.isfinite(result.reward.value)


def test_an_outcome_whose_sequence_is_not_its_decisions_is_dead_and_moves_nothing() -> None:
    learned = ledger()
    result = learned.apply(read(outcome(9, decision_sequence=2**62), 1))
    assert isinstance(result, Dead)
    assert "decision_sequence" in result.reason
    assert learned.decision_high == 0
    assert learned.bits.held() == set()
