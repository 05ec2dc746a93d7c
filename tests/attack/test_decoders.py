"""Every decoder, and what is done with what it decoded, against broken variants of the golden messages."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pointsman.contracts.messages.codec import Message, decode, encode
from pointsman.contracts.messages.decision import event_decoder, request_decoder
from pointsman.contracts.messages.errors import InvalidMessage, MessageError
from pointsman.contracts.messages.feedback import check_feedback, decode_pending, feedback_report_decoder
from pointsman.contracts.messages.ids import parse_id
from pointsman.contracts.messages.outcome import outcome_decoder, report_decoder
from pointsman.contracts.messages.policies import PolicySpec, change_decoder, policies_decoder
from pointsman.contracts.messages.validation import check_event, check_report, check_request
from pointsman.core.bandit import Arm
from pointsman.learning.applied_bits import AppliedBits
from pointsman.learning.ledger import TierLedger, read_outcome
from pointsman.shadow.evaluation.decision_group import LoggedDecision, group_decisions
from pointsman.shadow.evaluation.shadow_policy import ShadowPolicy, evaluate
from pointsman.shadow.sums.decision_sums import add_decisions
from pointsman.shadow.sums.hour_sums import Hours, split_field
from pointsman.shadow.sums.reward_sums import GroupOutcomes, join_arms
from pointsman_gateway.api.events import format_event
from pointsman_gateway.api.policies.validation import check_change
from pointsman_gateway.http.problems import response_to_error
from pointsman_reward_updater.pending_feedback import Entry, PendingFeedback
from pointsman_shadow_evaluator.decisions.event_encoding import encode_events
from tests.attack.mutations import mutate
from tests.support.message_examples import EXAMPLES, GOLDEN

FUZZ = settings(
    max_examples=400, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
ARMS = {"SIMPLE": (Arm("ollama", "llama3.2"), Arm("p", "m"))}


def golden(name: str) -> bytes:
    return (GOLDEN / f"{name}.json").read_bytes().strip()


def _as_written(message: Any) -> Any:
    """The message with the version that `encode` gives it: the newest, for a message of the first."""
    if not isinstance(message, Message) or message.v > 1:
        return message
    return msgspec.structs.replace(message, v=message.version)


def variants(*names: str) -> st.SearchStrategy[bytes]:
    """Broken variants of golden messages, and bytes of any kind."""
    goods = [golden(name) for name in names]
    seeds = st.integers(0, 2**32)
    return st.builds(lambda good, seed: mutate(good, Random(seed)), st.sampled_from(goods), seeds) | st.binary()


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_decoder_returns_a_message_or_raises_invalid_message(name: str) -> None:
    decoder = EXAMPLES[name].decoder

    @FUZZ
    @given(variants(name))
    def check(data: bytes) -> None:
        try:
            message = decode(decoder, data)
        except MessageError as error:
            assert str(error)
            assert response_to_error(error) is not None
        else:
            assert decode(decoder, encode(message)) == _as_written(message)

    check()


@FUZZ
@given(variants("decision_request", "decision_request.least"))
def test_a_request_that_passes_the_checks_has_a_context_that_can_be_scored(data: bytes) -> None:
    try:
        candidates, context = check_request(decode(request_decoder, data), ARMS, 3, "pad")
    except InvalidMessage:
        return
    assert candidates
    assert len(context) == 3
    assert all(abs(value) <= 1e6 for value in context)


@FUZZ
@given(variants("outcome_report", "outcome_report.reward"))
def test_a_report_passes_the_checks_or_is_rejected(data: bytes) -> None:
    try:
        report = decode(report_decoder, data)
        check_report(report)
        parse_id(report.decision_id)
    except MessageError:
        return
    assert encode(report)


@FUZZ
@given(variants("feedback_report", "feedback_report.thumbs", "feedback_report.metric"))
def test_feedback_passes_the_checks_or_is_rejected(data: bytes) -> None:
    try:
        report = decode(feedback_report_decoder, data)
        check_feedback(report)
    except MessageError as error:
        assert response_to_error(error) is not None
        return
    assert (report.decision_id is None) != (report.response_id is None)


@FUZZ
@given(st.lists(variants("measured", "feedback", "feedback.least"), max_size=6))
def test_whatever_waits_is_passed_by_or_counts(payloads: list[bytes]) -> None:
    room, entries = PendingFeedback(), []
    for sequence, data in enumerate(payloads, start=1):
        try:
            entries.append(Entry(sequence, sequence, decode_pending(data, "SIMPLE")))
        except MessageError as error:
            entries.append(Entry(sequence, sequence, None, str(error)))
    for entry in entries:
        room.note(entry)
    for entry in entries:
        outcome = room.settle(entry)
        assert outcome is None or decode(outcome_decoder, encode(outcome)) == _as_written(outcome)
    assert room.held == 0


@FUZZ
@given(variants("policy_change"))
def test_a_policy_change_passes_the_checks_or_is_rejected(data: bytes) -> None:
    try:
        check_change(decode(change_decoder, data), frozenset())
    except MessageError:
        return


@FUZZ
@given(st.lists(variants("outcome", "outcome.reward", "outcome.degraded"), min_size=1, max_size=8))
def test_the_ledger_takes_whatever_the_log_holds_and_stays_finite(log: list[bytes]) -> None:
    ledger = TierLedger(bits=AppliedBits(complete=True))
    for sequence, data in enumerate(log, 1):
        ledger.apply(read_outcome("outcomes.SIMPLE", data, sequence, 1))
    assert ledger.watermark == len(log)
    for state in ledger.learner.arms.values():
        assert (abs(state.A) < 1e15).all()
        assert (abs(state.b) < 1e15).all()
        assert state.cost_sum_usd < float("inf")
        state.theta()


@FUZZ
@given(variants("decision_event", "decision_event.least"))
def test_what_a_shadow_makes_of_a_logged_decision_can_be_counted(data: bytes) -> None:
    try:
        event = decode(event_decoder, data)
        check_event(event, "SIMPLE")
    except MessageError:
        return
    hours: Hours = {}
    groups = group_decisions([LoggedDecision("SIMPLE.1.0123456789abcdef", 1, 1, event)])
    assert len(groups) == (0 if event.pinned else 1)
    if not groups:
        return
    group = groups[0]
    outcomes = GroupOutcomes(np.array([0.7]), np.array([1.0]), np.array([0.01]))
    for algorithm in ("linucb", "epsilon-greedy", "cheapest", "uniform", "static:ollama:llama3.2"):
        shadow = ShadowPolicy(PolicySpec(name="s", algorithm=algorithm), 1)
        evaluation = evaluate(shadow, group, group.estimates)
        assert len(encode_events(shadow, group, evaluation)) == 1
        add_decisions(hours, shadow.identity, group, evaluation)
    for sums in hours.values():
        for name, value in sums.counts.items():
            assert abs(value) <= len(event.scores) + 1
            kind, *arms = split_field(name)
            assert len(arms) == {"pair": 2, "active": 1, "shadow": 1, "served": 1}.get(kind, 0)
    join_arms(hours, group.names, group, outcomes, None)
    for sums in hours.values():
        assert np.isfinite(sums.statistics.flat()).all()
        assert all(np.isfinite(value) for value in sums.counts.values())


@FUZZ
@given(variants("tier_policies"))
def test_policies_from_the_bucket_can_be_shown(data: bytes) -> None:
    try:
        policies = decode(policies_decoder, data)
    except MessageError:
        return
    assert encode(policies)
    for spec in [policies.active, *policies.shadows]:
        assert spec.identity
        ShadowPolicy(spec, 1)


@FUZZ
@given(variants("decision_event") | variants("decision_event").map(lambda data: data + b"\n\ndata: x"))
def test_an_event_stream_has_no_more_events_than_messages(data: bytes) -> None:
    shown = format_event("decision", data)
    assert shown.count(b"\n\n") == (1 if shown else 0)
    assert shown.count(b"\ndata: ") == (1 if shown else 0)
    if shown:
        json.loads(shown.partition(b"\ndata: ")[2].decode(), parse_int=str)
