"""Builds the outcome of a call, which is what the policies learn from.

The rule (ADR 0014): the action is the choice. What is learned is the result of the arm that was chosen, even when it
failed and another arm served; the arm that served and its cost are reported in ``served``. What an arm that failed
would have cost is unknown (ADR 0032).
"""

from __future__ import annotations

from pointsman.contracts.messages.ids import parse_id
from pointsman.contracts.messages.outcome import GradePart, Outcome, Served, estimate_of
from pointsman.core.bandit import RewardRule
from pointsman.llm.providers.failure import NOT_SENT
from pointsman.llm.providers.faults.fault import EVIDENCE, Fault
from pointsman_gateway.chat.call import ChatCall
from pointsman_gateway.chat.outcome.grading import Assessment


def build_outcome(call: ChatCall, rule: RewardRule, assessment: Assessment) -> Outcome:
    """Return the outcome of a call that has ended, with the reward rule in force."""
    decision, attempts = call.decision, call.attempts.made
    failed_ms = attempts[0].latency_ms if attempts else None
    return Outcome(
        decision_id=decision.decision_id,
        tier=decision.tier,
        learn=is_learned(call),
        provider=decision.provider,
        model=decision.model,
        decision_sequence=parse_id(decision.decision_id).sequence or 0,
        context=call.context,
        propensity=decision.propensity,
        policy=decision.policy or "",
        policy_version=decision.policy_version or 0,
        decided_at_ms=call.decided_at_ms,
        accepted_at_ms=call.ended_at_ms,
        quality=assessment.grade.quality,
        cost_usd=assessment.cost_usd if call.chosen_served else None,
        latency_ms=call.serving_ms if call.chosen_served else failed_ms,
        rule=rule,
        estimate=estimate_of(decision.provider, decision.model, decision.scores),
        served=_served(call, assessment),
    )


def is_learned(call: ChatCall) -> bool:
    """Return whether the outcome is evidence about the arm that a policy chose.

    It is not where no policy chose, where the arm was never called or had not answered when the client disconnected,
    where the request, the key, the network or the gateway was at fault, where the gateway ended the answer, and where
    the arm cannot do what the request needs and is no candidate for such requests any more.
    """
    if call.decision.degraded or call.direct or call.request_faulty or call.stopped or call.attempts.excused:
        return False
    attempts = call.attempts.made
    if not attempts or attempts[0].error in NOT_SENT:
        return False
    fault = Fault(attempts[0].fault) if attempts[0].fault else None
    if fault is Fault.UNCLEAR:  # that another arm has served shows that the model was at fault
        return call.served is not None
    return fault is None or fault in EVIDENCE


def _served(call: ChatCall, assessment: Assessment) -> Served:
    completion, arm, usage = call.completion, call.served, assessment.usage
    return Served(
        provider=arm.provider if arm else "",
        model=arm.model if arm else "",
        attempts=call.attempts.made,
        first_byte_ms=call.first_byte_ms,
        total_ms=call.total_ms,
        input_tokens=usage.input_tokens if usage else None,
        output_tokens=usage.output_tokens if usage else None,
        cached_tokens=usage.cached_input_tokens if usage else None,
        tokens_estimated=usage.estimated if usage else False,
        cost_usd=assessment.cost_usd,
        finish=completion.finish_reason if completion else None,
        response_id=completion.response_id if completion else None,
        scores=[GradePart(name=name, value=value) for name, value in assessment.grade.parts.items()],
    )
