"""Every subject that Pointsman uses: its messages and, from the users' permissions, who publishes and subscribes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from pointsman.contracts.access.nats_permissions import PERMISSIONS
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.decision import (
    CandidateScores,
    Decision,
    DecisionEvent,
    DecisionRequest,
    FallbackEvent,
    ScoreRequest,
)
from pointsman.contracts.messages.feedback import Feedback, PendingOutcome
from pointsman.contracts.messages.notices import Alert, ArmsChanged, ArmsPulled, DeadLetter, ShadowDecision
from pointsman.contracts.messages.outcome import Outcome, RewardEvent
from pointsman.contracts.messages.policies import TierPolicies
from pointsman.contracts.messages.problem import Problem
from pointsman.contracts.messages.status import ServiceStatus

Message = type[msgspec.Struct]


class Channel(NamedTuple):
    """One subject.

    Attributes
    ----------
    name : str
        Its name in the AsyncAPI document.
    address : str
        The subject, with parameters in braces.
    about : str
    messages : tuple of message types
        The possible messages; empty when the message has no body.
    reply : tuple of message types
        For a request: the possible replies.
    stream : str
        The JetStream stream that keeps it; empty for core NATS.
    """

    name: str
    address: str
    about: str
    messages: tuple[Message, ...] = ()
    reply: tuple[Message, ...] = ()
    stream: str = ""

    @property
    def parameters(self) -> list[str]:
        """Names of the parameters, in order."""
        return [token[1:-1] for token in self.address.split(".") if token.startswith("{")]


def _of(subject: Callable[..., str], *messages: Message, reply: tuple[Message, ...] = (), stream: str = "") -> Channel:
    names = inspect.signature(subject).parameters
    address = subject(*(f"{{{name}}}" for name in names))
    about = " ".join((subject.__doc__ or "").split())
    return Channel(subject.__name__, address, about, messages, reply, stream)


CHANNELS = (
    _of(subjects.decide, DecisionRequest, reply=(Decision, Problem)),
    _of(subjects.score, ScoreRequest, reply=(CandidateScores, Problem)),
    _of(subjects.decision_log, DecisionEvent, stream=subjects.DECISIONS),
    _of(subjects.decision_topic, DecisionEvent),
    _of(subjects.fallback_topic, FallbackEvent),
    _of(subjects.outcomes, Outcome, stream=subjects.OUTCOMES),
    _of(subjects.feedback, PendingOutcome, Feedback, stream=subjects.FEEDBACK),
    _of(subjects.rewards, RewardEvent, stream=subjects.REWARDS),
    _of(subjects.arms, ArmsChanged),
    _of(subjects.pulls, ArmsPulled),
    _of(subjects.shadow, ShadowDecision, stream=subjects.SHADOW),
    _of(subjects.alert, Alert, stream=subjects.ALERTS),
    _of(subjects.dead, DeadLetter, stream=subjects.DEAD),
    Channel(
        "policies",
        f"{subjects.POLICIES_SUBJECTS}.{{tier}}",
        f"Key-value bucket `{subjects.POLICIES_BUCKET}`: the policies of each tier, with their history.",
        (TierPolicies,),
        stream=subjects.POLICIES_STREAM,
    ),
    _of(subjects.status, reply=(ServiceStatus,)),
)
"""In the order in which a request uses them."""

EVERYONE = ("operator",)
"""Users who may use every subject; the tables omit them."""


class Use(NamedTuple):
    """One use of a subject by a role: ``action`` is ``send`` or ``receive``; ``queue`` is the queue group."""

    role: str
    action: str
    queue: str = ""


def uses(channel: Channel) -> Iterator[Use]:
    """Yield the roles that send and receive on a subject, from `PERMISSIONS`."""
    for role, allowed in PERMISSIONS.items():
        if role in EVERYONE:
            continue
        if any(_covers(pattern, channel.address) for pattern in allowed.publish):
            yield Use(role, "send")
        for pattern in allowed.subscribe:
            subject, _, queue = pattern.partition(" ")
            if _covers(subject, channel.address):
                yield Use(role, "receive", queue)
                break
        else:
            if channel.stream and any(_reads(pattern, channel.stream) for pattern in allowed.publish):
                yield Use(role, "receive")


def _reads(pattern: str, stream: str) -> bool:
    """Return whether publishing to this JetStream API subject reads a stream's messages."""
    calls = (f"$JS.API.CONSUMER.CREATE.{stream}", f"$JS.API.DIRECT.GET.{stream}")
    return any(pattern == call or pattern.startswith(f"{call}.") for call in calls)


def _covers(pattern: str, address: str) -> bool:
    """Return whether a permission pattern and a subject with parameters overlap."""
    allowed, wanted = pattern.split("."), address.split(".")
    for at, token in enumerate(allowed):
        if token == ">":
            return len(wanted) > at
        if at >= len(wanted):
            return False
        if token != "*" and not wanted[at].startswith("{") and token != wanted[at]:
            return False
    return len(allowed) == len(wanted)
