"""From what the gateway saw of a request to the outcome that is learned from.

The rule (ADR 0014): the action is the choice. What is learned is what came of the arm that was chosen, also when it
failed and another one served; who served, at what cost, is told beside it, in ``served``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pointsman.contracts.messages.decision import Decision
from pointsman.contracts.messages.ids import parse_id
from pointsman.contracts.messages.outcome import Attempt, Outcome, Scored, Served
from pointsman.core.bandit import Arm, RewardRule
from pointsman.llm.completion import Completion, Usage
from pointsman.llm.request import ChatRequest
from pointsman_gateway.chat.attempts import NOT_ASKED


class Timings(NamedTuple):
    """When things happened.

    Attributes
    ----------
    decided_at_ms, ended_at_ms : int
        Unix milliseconds.
    first_byte_ms : float or None
        From the request's arrival to the first byte for the client.
    total_ms : float
        From the request's arrival to the last byte.
    serving_ms : float or None
        From the beginning of the attempt that served to the last byte; None when nobody served.
    """

    decided_at_ms: int
    ended_at_ms: int
    first_byte_ms: float | None
    total_ms: float
    serving_ms: float | None


class Exchange(NamedTuple):
    """A request that has ended, however it ended: everything that an outcome is made from.

    Attributes
    ----------
    context : list of float
        As the decision was asked for.
    direct : bool
        The client named the arm, so nothing was chosen.
    attempts : list of Attempt
        Those that have come to their end; the first is that of the chosen arm.
    served : Arm or None
        Whose answer was passed on.
    completion : Completion or None
        Of that answer.
    faulty : bool
        The request itself was at fault.
    gone : bool
        The client left before the end.
    stopped : bool
        The gateway did, or failed itself.
    request : ChatRequest or None
        For the scorer only: nothing of its text is told.
    """

    decision: Decision
    context: list[float]
    direct: bool
    attempts: list[Attempt]
    served: Arm | None
    completion: Completion | None
    faulty: bool
    gone: bool
    stopped: bool
    timings: Timings
    request: ChatRequest | None = None


class Judged(NamedTuple):
    """What is made of an exchange.

    Attributes
    ----------
    quality : float or None
        Of the arm that was chosen, 0 to 100.
    parts : mapping of str to float
        What it was made from.
    usage : Usage or None
        Tokens of the answer that was served.
    cost_usd : float or None
        Of the answer that was served; None when that is not known.
    """

    quality: float | None
    parts: Mapping[str, float]
    usage: Usage | None
    cost_usd: float | None


def measure(exchange: Exchange, rule: RewardRule, judged: Judged) -> Outcome:
    """Return the outcome of a request.

    Parameters
    ----------
    exchange : Exchange
    rule : RewardRule
        The reward rule in force.
    judged : Judged
    """
    decision, timings = exchange.decision, exchange.timings
    chosen_served = exchange.served == Arm(decision.provider, decision.model)
    failed_ms = exchange.attempts[0].latency_ms if exchange.attempts else None
    return Outcome(
        decision_id=decision.decision_id,
        tier=decision.tier,
        learn=is_learned(exchange),
        provider=decision.provider,
        model=decision.model,
        decision_sequence=parse_id(decision.decision_id).sequence or 0,
        context=exchange.context,
        propensity=decision.propensity,
        policy=decision.policy or "",
        policy_version=decision.policy_version or 0,
        decided_at_ms=timings.decided_at_ms,
        accepted_at_ms=timings.ended_at_ms,
        quality=judged.quality,
        cost_usd=judged.cost_usd if chosen_served else 0.0,
        latency_ms=timings.serving_ms if chosen_served else failed_ms,
        rule=rule,
        served=_served(exchange, judged),
    )


def is_learned(exchange: Exchange) -> bool:
    """Tell whether the outcome says something of the arm that was chosen, by a policy.

    Not where no policy chose, where the arm was never asked or had not answered yet when the client left, where the
    request itself was at fault, and where the gateway cut the answer off.
    """
    if exchange.decision.degraded or exchange.direct or exchange.faulty or exchange.stopped:
        return False
    return bool(exchange.attempts) and exchange.attempts[0].error not in NOT_ASKED


def _served(exchange: Exchange, judged: Judged) -> Served:
    completion, timings, arm, usage = exchange.completion, exchange.timings, exchange.served, judged.usage
    return Served(
        provider=arm.provider if arm else "",
        model=arm.model if arm else "",
        attempts=exchange.attempts,
        first_byte_ms=timings.first_byte_ms,
        total_ms=timings.total_ms,
        input_tokens=usage.input_tokens if usage else None,
        output_tokens=usage.output_tokens if usage else None,
        cached_tokens=usage.cached_input_tokens if usage else None,
        tokens_estimated=usage.estimated if usage else False,
        cost_usd=judged.cost_usd,
        finish=completion.finish_reason if completion else None,
        response_id=completion.response_id if completion else None,
        scores=[Scored(name=name, value=value) for name, value in judged.parts.items()],
    )
