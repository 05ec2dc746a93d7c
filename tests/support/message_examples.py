"""An example of every message that goes on a subject or over HTTP, each kept encoded under ``golden/v1``.

``python -m tests.support.message_examples`` writes the files that are missing. It never writes one again: what was once
written stays readable for ever.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.decision import (
    Candidate,
    CandidateScore,
    CandidateScores,
    Decision,
    DecisionEvent,
    DecisionRequest,
    FallbackEvent,
    RewardWeights,
    ScoreRequest,
    candidate_scores_decoder,
    decision_decoder,
    event_decoder,
    fallback_decoder,
    request_decoder,
    score_request_decoder,
)
from pointsman.contracts.messages.feedback import (
    Feedback,
    FeedbackAccepted,
    FeedbackReport,
    MetricValue,
    PendingOutcome,
    feedback_report_decoder,
    pending_decoder,
)
from pointsman.contracts.messages.imports import ImportAccepted, ImportedRow, ImportRequest, import_decoder
from pointsman.contracts.messages.notices import (
    Alert,
    ArmsChanged,
    ArmsPulled,
    DeadLetter,
    ShadowDecision,
    alert_decoder,
    arms_decoder,
    dead_decoder,
    pulls_decoder,
    shadow_decoder,
)
from pointsman.contracts.messages.outcome import (
    Attempt,
    FeedbackRecord,
    GradePart,
    Outcome,
    OutcomeAccepted,
    OutcomeReport,
    RewardEvent,
    Served,
    outcome_decoder,
    report_decoder,
    reward_decoder,
)
from pointsman.contracts.messages.policies import (
    PolicyChange,
    PolicyChangeRecord,
    PolicySpec,
    PromotionRequest,
    RequestedPolicy,
    RevertRequest,
    TierPolicies,
    change_decoder,
    policies_decoder,
    promotion_decoder,
    revert_decoder,
)
from pointsman.contracts.messages.problem import FieldError, Problem, problem_decoder
from pointsman.contracts.messages.status import (
    DegradedCount,
    HopCounts,
    ServiceStatus,
    StatusProblem,
    TierStatus,
    status_decoder,
)
from pointsman.core.bandit import ArmEstimate, RewardRule
from tests.support.repository import ROOT

GOLDEN = ROOT / "tests" / "contract" / "golden" / "v1"


class Example(NamedTuple):
    """A message, and the decoder that services read it with."""

    message: msgspec.Struct
    decoder: msgspec.json.Decoder[Any]


_SURE = CandidateScore(provider="ollama", model="llama3.2", mean=0.5, width=0.25, ucb=0.875, probability=1.0)
_ID = "SIMPLE.1795312000000001.0123456789abcdef"
_SCORES = [
    CandidateScore(
        provider="ollama", model="llama3.2", mean=0.625, width=0.25, ucb=1.0, probability=0.975, pulls=12, cost_usd=0.0
    ),
    CandidateScore(
        provider="openrouter", model="meta-llama/llama-3.1-70b:free", mean=0.0, width=1.5, ucb=2.25, probability=0.025
    ),
]
_GREEDY = PolicySpec(name="greedy", algorithm="epsilon-greedy", parameters={"epsilon": 0.0})

_WAITING = Outcome(
    decision_id=_ID,
    tier="SIMPLE",
    provider="ollama",
    model="llama3.2",
    decision_sequence=1_795_312_000_000_001,
    context=[1.0, -0.5],
    propensity=0.975,
    accepted_at_ms=1_795_312_009_999,
    quality=60.0,
    cost_usd=0.001,
    latency_ms=950.5,
    served=Served(
        provider="ollama", model="llama3.2", response_id="chatcmpl-1", scores=[GradePart(name="length", value=0.6)]
    ),
)

EXAMPLES: dict[str, Example] = {
    "measured": Example(PendingOutcome(outcome=_WAITING, wait_ms=600_000), pending_decoder),
    "feedback": Example(
        Feedback(
            outcome=Outcome(decision_id=_ID, tier="SIMPLE", provider="ollama", model="llama3.2", accepted_at_ms=1),
            quality=87.5,
            source="metric:resolved",
            wait_ms=600_000,
            late=True,
        ),
        pending_decoder,
    ),
    "feedback.least": Example(
        Feedback(outcome=Outcome(decision_id=_ID, tier="SIMPLE", accepted_at_ms=1), quality=0.0), pending_decoder
    ),
    "feedback_report": Example(FeedbackReport(decision_id=_ID, quality=87.5), feedback_report_decoder),
    "feedback_report.thumbs": Example(FeedbackReport(response_id="chatcmpl-1", thumbs="down"), feedback_report_decoder),
    "feedback_report.metric": Example(
        FeedbackReport(decision_id=_ID, metric=MetricValue(name="resolved", value=0.5)), feedback_report_decoder
    ),
    "feedback_accepted": Example(
        FeedbackAccepted(decision_id=_ID, quality=87.5), msgspec.json.Decoder(FeedbackAccepted)
    ),
    "outcome.feedback": Example(
        msgspec.structs.replace(
            _WAITING, quality=87.5, feedback=FeedbackRecord(quality=87.5, source="thumbs", at_ms=1_795_312_100_000)
        ),
        outcome_decoder,
    ),
    "outcome.estimate": Example(
        msgspec.structs.replace(_WAITING, estimate=ArmEstimate(mean=0.81, width=0.12, prior=0.03, sigma=0.2)),
        outcome_decoder,
    ),
    "outcome.quantile": Example(
        msgspec.structs.replace(_WAITING, v=2, rule=RewardRule(normalizer="quantile")), outcome_decoder
    ),
    "reward.scale": Example(
        RewardEvent(
            decision_id=_ID,
            tier="SIMPLE",
            provider="p",
            model="m",
            outcome_sequence=18,
            reward=61.25,
            quality=80.0,
            cost_usd=0.001,
            cost_norm=0.5,
            cost_range_usd=(0.0, 0.002),
            latency_range_ms=(12.5, 950.0),
        ),
        reward_decoder,
    ),
    "import_request": Example(
        ImportRequest(
            tier="SIMPLE",
            source="9f86d081884c7d659a2feaa0c55ad015",
            rows=[
                ImportedRow(row=0, provider="ollama", model="llama3.2", prompt="Why?", quality=90.0, cost_usd=0.001),
                ImportedRow(
                    row=1, provider="p", model="m", messages=[{"role": "user", "content": "Why?"}], latency_ms=3.5
                ),
                ImportedRow(row=2, provider="p", model="m", context=[1.0, 0.5], reward=71.5, propensity=0.25),
            ],
        ),
        import_decoder,
    ),
    "import_accepted": Example(ImportAccepted(accepted=2, extractor="chat/2"), msgspec.json.Decoder(ImportAccepted)),
    "outcome.imported": Example(
        Outcome(
            v=2,
            decision_id="SIMPLE.4503599627370497.0123456789abcdef",
            tier="SIMPLE",
            provider="ollama",
            model="llama3.2",
            decision_sequence=4_503_599_627_370_497,
            context=[1.0, -0.5],
            accepted_at_ms=1_795_312_009_999,
            quality=60.0,
            imported="9f86d081884c7d659a2feaa0c55ad015",
        ),
        outcome_decoder,
    ),
    "decision_request": Example(
        DecisionRequest(
            tier="SIMPLE",
            context=[1.0, -0.5, 1e-300],
            candidates=[Candidate(provider="ollama", model="llama3.2"), Candidate(provider="p", model="m/1:free")],
            metadata={"user": "ü", "tags": ["a", {"b": None}]},
        ),
        request_decoder,
    ),
    "decision_request.least": Example(DecisionRequest(tier="SIMPLE", context=[1.0]), request_decoder),
    "decision_request.pinned": Example(
        DecisionRequest(
            tier="SIMPLE",
            context=[1.0, -0.5],
            pinned=Candidate(provider="ollama", model="llama3.2"),
            switching_cost=0.125,
        ),
        request_decoder,
    ),
    "decision.pinned": Example(
        Decision(
            decision_id=_ID,
            tier="SIMPLE",
            provider="ollama",
            model="llama3.2",
            policy="linucb",
            policy_version=3,
            propensity=1.0,
            explored=False,
            degraded=False,
            stale=False,
            state_age_ms=12,
            scores=[
                CandidateScore(provider="ollama", model="llama3.2", mean=0.5, width=0.25, ucb=0.875, probability=1.0)
            ],
            pinned=True,
        ),
        decision_decoder,
    ),
    "decision_event.pinned": Example(
        DecisionEvent(
            decision_id=_ID,
            nonce="0123456789abcdef",
            decided_at_ms=1_795_312_000_123,
            tier="SIMPLE",
            provider="ollama",
            model="llama3.2",
            policy="linucb",
            policy_version=3,
            algorithm="linucb",
            propensity=1.0,
            explored=False,
            draw=0.25,
            scores=[
                CandidateScore(provider="ollama", model="llama3.2", mean=0.5, width=0.25, ucb=0.875, probability=1.0)
            ],
            context=[1.0, -0.5],
            pinned=True,
        ),
        event_decoder,
    ),
    "score_request": Example(ScoreRequest(tier="SIMPLE", context=[1.0, 0.5]), score_request_decoder),
    "score_request.what_if": Example(
        ScoreRequest(
            tier="SIMPLE",
            context=[],
            average=True,
            candidates=[Candidate(provider="p", model="m")],
            lambda_cost=0.5,
            mu_latency=0.0,
        ),
        score_request_decoder,
    ),
    "scoring.what_if": Example(
        CandidateScores(
            tier="SIMPLE",
            policy="linucb",
            policy_version=3,
            scores=[],
            context=[1.0, 0.25],
            weights=RewardWeights(lambda_cost=0.5, mu_latency=0.1),
        ),
        candidate_scores_decoder,
    ),
    "scoring": Example(
        CandidateScores(
            tier="SIMPLE",
            policy="linucb",
            policy_version=3,
            stale=True,
            state_age_ms=7000,
            scores=[
                CandidateScore(provider="ollama", model="llama3.2", mean=0.5, width=0.25, ucb=0.875, probability=1.0)
            ],
        ),
        candidate_scores_decoder,
    ),
    "service_status": Example(
        ServiceStatus(
            service="decision",
            instance="host:4711",
            started_ms=1_795_312_000_123,
            requests=1000,
            errors=2,
            over_s=62.5,
            decisions=250.0,
            outcomes=0.0,
            hops=[HopCounts(hop="replica", bounds_s=[0.001, 0.002], counts=[200.0, 40.0, 10.0])],
            tiers=[
                TierStatus(tier="SIMPLE", state_age_ms=12, watermark=907),
                TierStatus(tier="T", log_lag=3, halted=True, shadow_lag=1, reward_lag=2, doing="halted"),
            ],
        ),
        status_decoder,
    ),
    "service_status.gateway": Example(
        ServiceStatus(
            service="gateway",
            instance="host:4712",
            started_ms=1_795_312_000_123,
            requests=1000,
            over_s=62.5,
            outcomes=200.0,
            degraded=[
                DegradedCount(tier="SIMPLE", reason="no_replica", count=12.0),
                DegradedCount(tier="T", reason="nats", count=1.0),
            ],
        ),
        status_decoder,
    ),
    "service_status.problems": Example(
        ServiceStatus(
            service="reward-updater",
            instance="host:4713",
            started_ms=1_795_312_000_123,
            problems=[
                StatusProblem(kind="halted", subject="tier SIMPLE", text="the log ends at 7", serious=True),
                StatusProblem(kind="disk-low", subject="disk of /data", text="500 MB free"),
            ],
        ),
        status_decoder,
    ),
    "fallback_event": Example(
        FallbackEvent(
            decision_id="fallback.SIMPLE.0123456789abcdef",
            decided_at_ms=1_795_312_000_123,
            tier="SIMPLE",
            provider="openai",
            model="gpt-4o-mini",
            reason="no_replica",
            degraded=True,
            policy=None,
            policy_version=None,
            propensity=None,
            explored=False,
            stale=False,
            state_age_ms=None,
            scores=[],
        ),
        fallback_decoder,
    ),
    "decision": Example(
        Decision(
            decision_id=_ID,
            tier="SIMPLE",
            provider="ollama",
            model="llama3.2",
            policy="linucb",
            policy_version=3,
            propensity=0.975,
            explored=False,
            degraded=False,
            stale=True,
            state_age_ms=6000,
            scores=_SCORES,
        ),
        decision_decoder,
    ),
    "decision.degraded": Example(
        Decision(
            decision_id="fallback.SIMPLE.0123456789abcdef",
            tier="SIMPLE",
            provider="openai",
            model="gpt-4o-mini",
            policy=None,
            policy_version=None,
            propensity=None,
            explored=False,
            degraded=True,
            stale=False,
            state_age_ms=None,
            scores=[],
        ),
        decision_decoder,
    ),
    "decision_event": Example(
        DecisionEvent(
            decision_id=_ID,
            nonce="0123456789abcdef",
            decided_at_ms=1_795_312_000_123,
            tier="SIMPLE",
            provider="ollama",
            model="llama3.2",
            policy="linucb",
            policy_version=3,
            algorithm="linucb",
            parameters={"alpha": 1.5, "epsilon": 0.05},
            propensity=0.975,
            explored=True,
            exploration=0.05,
            draw=0.012345678901234567,
            stale=True,
            state_age_ms=40,
            state_watermark=17,
            scores=_SCORES,
            context=[1.0, -0.0, 0.1],
            metadata={"user": "u"},
        ),
        event_decoder,
    ),
    "decision_event.least": Example(
        DecisionEvent(
            nonce="0123456789abcdef",
            decided_at_ms=1,
            tier="SIMPLE",
            provider="p",
            model="m",
            policy="uniform",
            policy_version=0,
            algorithm="uniform",
            propensity=1.0,
            explored=False,
            scores=[],
            context=[1.0],
        ),
        event_decoder,
    ),
    "outcome_report": Example(
        OutcomeReport(decision_id=_ID, quality=80.0, cost_usd=0.001, latency_ms=950.5), report_decoder
    ),
    "outcome_report.reward": Example(OutcomeReport(decision_id=_ID, reward=64.0), report_decoder),
    "outcome_accepted": Example(OutcomeAccepted(decision_id=_ID), msgspec.json.Decoder(OutcomeAccepted)),
    "outcome": Example(
        Outcome(
            decision_id=_ID,
            tier="SIMPLE",
            provider="ollama",
            model="llama3.2",
            decision_sequence=1_795_312_000_000_001,
            context=[1.0, -0.5, 0.1],
            propensity=0.975,
            policy="linucb",
            policy_version=3,
            decided_at_ms=1_795_312_000_123,
            accepted_at_ms=1_795_312_009_999,
            quality=80.0,
            cost_usd=0.001,
            latency_ms=950.5,
            rule=RewardRule(
                lambda_cost=0.5,
                mu_latency=0.0,
                normalizer="fixed",
                cost_bounds_usd=(0.0, 0.5),
                latency_bounds_ms=(10.0, 1000.0),
            ),
        ),
        outcome_decoder,
    ),
    "outcome.reward": Example(
        Outcome(
            decision_id=_ID,
            tier="SIMPLE",
            provider="p",
            model="m",
            decision_sequence=1,
            context=[1.0],
            accepted_at_ms=1,
            reward=64.0,
        ),
        outcome_decoder,
    ),
    "outcome.served": Example(
        Outcome(
            decision_id=_ID,
            tier="SIMPLE",
            provider="ollama",
            model="llama3.2",
            decision_sequence=1_795_312_000_000_001,
            context=[1.0, -0.5, 0.1],
            accepted_at_ms=1_795_312_009_999,
            quality=0.0,
            cost_usd=0.0,
            latency_ms=950.5,
            rule=RewardRule(forgetting=0.99),
            served=Served(
                provider="openai",
                model="gpt-4o-mini",
                attempts=[
                    Attempt(provider="ollama", model="llama3.2", error="timeout", latency_ms=950.5),
                    Attempt(provider="openai", model="gpt-4o-mini", status=200, latency_ms=420.25),
                ],
                first_byte_ms=1_012.5,
                total_ms=1_371.25,
                input_tokens=120,
                output_tokens=64,
                cached_tokens=100,
                tokens_estimated=True,
                cost_usd=0.00042,
                finish="stop",
                response_id="chatcmpl-1",
                scores=[GradePart(name="status", value=1.0)],
            ),
        ),
        outcome_decoder,
    ),
    "outcome.degraded": Example(
        Outcome(
            decision_id="fallback.SIMPLE.0123456789abcdef", tier="SIMPLE", learn=False, accepted_at_ms=1, quality=10.0
        ),
        outcome_decoder,
    ),
    "reward": Example(
        RewardEvent(
            decision_id=_ID,
            tier="SIMPLE",
            provider="ollama",
            model="llama3.2",
            outcome_sequence=18,
            reward=61.25,
            quality=80.0,
            cost_usd=0.001,
            latency_ms=950.5,
            cost_norm=0.5,
            latency_norm=0.375,
            propensity=0.975,
            accepted_at_ms=1_795_312_009_999,
        ),
        reward_decoder,
    ),
    "arms_changed": Example(
        ArmsChanged(
            tier="SIMPLE",
            epoch="2026-11-22T02:42:01.123456789Z",
            watermark=18,
            as_of_ms=1_795_312_010_000,
            arms=["ollama:llama3.2", "openrouter:meta-llama/llama-3.1-70b:free"],
        ),
        arms_decoder,
    ),
    "arms_changed.committed": Example(
        ArmsChanged(
            tier="SIMPLE",
            epoch="2026-11-22T02:42:01.123456789Z",
            watermark=19,
            as_of_ms=1_795_312_010_000,
            arms=["ollama:llama3.2"],
            committed_at_ms=1_795_312_010_005,
        ),
        arms_decoder,
    ),
    "arms_pulled": Example(
        ArmsPulled(tier="SIMPLE", replica="5f2c01a9be77d340", arms=["ollama:llama3.2", "ollama:llama3.2"]),
        pulls_decoder,
    ),
    "shadow_decision": Example(
        ShadowDecision(
            decision_id=_ID,
            tier="SIMPLE",
            policy="greedy",
            policy_version=3,
            active="ollama:llama3.2",
            shadow="openai:gpt-4o-mini",
            probabilities=[0.0, 1.0],
            expected_cost_delta_usd=-0.00025,
            decided_at_ms=1_795_312_000_123,
        ),
        shadow_decoder,
    ),
    "shadow_decision.error": Example(
        ShadowDecision(
            decision_id=_ID,
            tier="SIMPLE",
            policy="mine",
            policy_version=3,
            active="ollama:llama3.2",
            error="ZeroDivisionError: division by zero",
        ),
        shadow_decoder,
    ),
    "alert": Example(
        Alert(kind="halted", tier="SIMPLE", text="the log ends at 3", service="reward-updater", raised_at_ms=1),
        alert_decoder,
    ),
    "dead_letter": Example(
        DeadLetter(
            stream="OUTCOMES",
            subject="outcomes.SIMPLE",
            sequence=19,
            reason="Input data was truncated",
            service="reward-updater",
            payload=b'{"tier":\xff\x00',
            found_at_ms=1,
        ),
        dead_decoder,
    ),
    "alert.promotion": Example(
        Alert(
            kind="promotion",
            tier="SIMPLE",
            text="tier SIMPLE: greedy was promoted by ops (ann); linucb goes on as a shadow: better",
            service="gateway",
            raised_at_ms=1_795_312_000_000,
            detail={"version": 17, "at_ms": 1_795_312_000_000, "kind": "promote", "by": "ops", "person": "ann"},
        ),
        alert_decoder,
    ),
    "tier_policies.promoted": Example(
        TierPolicies(
            active=_GREEDY,
            shadows=[PolicySpec(name="linucb", algorithm="linucb", parameters={"alpha": 1.5, "epsilon": 0.05})],
            configured="0123456789abcdef",
            changed_at_ms=1_795_312_000_000,
            changed_by="api",
            active_since_ms=1_795_312_000_000,
            replaced=PolicySpec(name="linucb", algorithm="linucb", parameters={"alpha": 1.5, "epsilon": 0.05}),
            reverted=["cheapest@0123456789ab"],
            change=PolicyChangeRecord(
                at_ms=1_795_312_000_000,
                kind="promote",
                by="ops",
                person="ann",
                policy="greedy",
                replaced="linucb",
                why="better",
                evidence={"policy": "greedy", "verdict": "promote", "reward_delta": {"estimate": 1.5}},
            ),
        ),
        policies_decoder,
    ),
    "promotion_request": Example(
        PromotionRequest(policy="greedy", version=17, why="better", person="ann"), promotion_decoder
    ),
    "revert_request": Example(RevertRequest(version=17, why="worse", person="ann"), revert_decoder),
    "tier_policies": Example(
        TierPolicies(
            active=PolicySpec(name="linucb", algorithm="linucb", parameters={"alpha": 1.5, "epsilon": 0.05}),
            shadows=[_GREEDY, PolicySpec(name="cheapest", algorithm="cheapest")],
            configured="0123456789abcdef",
            changed_at_ms=1_795_312_000_000,
            changed_by="api",
        ),
        policies_decoder,
    ),
    "policy_change": Example(
        PolicyChange(active=RequestedPolicy(name="u", algorithm="uniform"), shadows=[]), change_decoder
    ),
    "policy_change.own_rule": Example(
        PolicyChange(
            active=RequestedPolicy(name="forgetful", algorithm="thompson", parameters={"v": 0.3}, forgetting=0.99),
            shadows=[
                RequestedPolicy(
                    name="thrifty", algorithm="linucb", lambda_cost=0.6, mu_latency=0.0, forgetting=0.5, sample=0.25
                )
            ],
        ),
        change_decoder,
    ),
    "problem": Example(
        Problem(
            title="Invalid request",
            status=422,
            detail="context: expected 12 numbers, got 2",
            errors=[FieldError(field="context", detail="expected 12 numbers, got 2")],
        ),
        problem_decoder,
    ),
}


def main() -> None:
    """Write the files that are missing."""
    for name, example in EXAMPLES.items():
        file = GOLDEN / f"{name}.json"
        if not file.exists():
            file.write_bytes(encode(example.message) + b"\n")


if __name__ == "__main__":
    main()
