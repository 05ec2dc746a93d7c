"""The shapes of the answers that show how the system itself is."""

from __future__ import annotations

from typing import Any

import msgspec


class ServiceView(msgspec.Struct, frozen=True, kw_only=True):
    """One process.

    Attributes
    ----------
    service : str
        ``gateway``, ``decision``, ``reward-updater`` or ``shadow-evaluator``.
    instance : str
        Host and process number.
    started_ms : int
        Unix milliseconds.
    requests, errors : int
        Since it started: requests of a gateway or a decision replica; 0 for the others, which nobody asks.
    p50_ms, p99_ms : float or None
        How long it took in the last minute or so: a gateway for a decision request, a replica for a decision, an
        updater for a commit. None while nothing was measured.
    state_age_ms : int or None
        Of a decision replica: the age of the oldest tier in its memory.
    """

    service: str
    instance: str
    version: str
    started_ms: int
    requests: int
    errors: int
    p50_ms: float | None = None
    p99_ms: float | None = None
    state_age_ms: int | None = None


class StreamView(msgspec.Struct, frozen=True, kw_only=True):
    """One stream of NATS.

    Attributes
    ----------
    messages, bytes : int
    max_bytes : int or None
        Room; None without a limit.
    first_sequence, last_sequence : int
    first_ms, last_ms : int or None
        When its oldest and its newest message came; Unix milliseconds. None while it is empty.
    """

    name: str
    messages: int
    bytes: int
    max_bytes: int | None
    first_sequence: int
    last_sequence: int
    first_ms: int | None
    last_ms: int | None


class ReplicaAge(msgspec.Struct, frozen=True, kw_only=True):
    """How old a replica's memory of a tier is.

    Attributes
    ----------
    state_age_ms : int or None
        None when no reward-updater has said so yet.
    watermark : int
        The last outcome behind its decisions.
    """

    instance: str
    state_age_ms: int | None
    watermark: int


class TierView(msgspec.Struct, frozen=True, kw_only=True):
    """How far a tier's learning and its report are.

    Attributes
    ----------
    log_end : int or None
        Sequence of the tier's last outcome in the log; 0 before the first. None while that cannot be asked.
    watermark : int or None
        The last outcome that is learned from, in the store.
    lag : int or None
        Outcomes that are in the log and not yet learned from.
    shadow_lag : int or None
        Decisions that the shadow-evaluator has not seen yet.
    reward_lag : int or None
        Rewards that it has not joined yet.
    halted : bool
        The reward-updater refuses to go on, because log and store disagree.
    state_age_ms : list
        Of each decision replica.
    """

    tier: str
    log_end: int | None
    watermark: int | None
    lag: int | None
    shadow_lag: int | None
    reward_lag: int | None
    halted: bool
    state_age_ms: list[ReplicaAge]


class HopView(msgspec.Struct, frozen=True, kw_only=True):
    """How long one part of the way takes, over all processes, in the last minute or so.

    Attributes
    ----------
    hop : str
        ``http decision``, ``http outcome``: at the gateway, from request to answer; ``decision``: at a replica;
        ``commit``: of a batch of outcomes to the store; ``llm overhead``, ``llm first byte``: of a chat request.
    p50_ms, p99_ms : float or None
        Estimated from a histogram, as Prometheus does. None while nothing was measured.
    count : int
        How many were measured.
    """

    hop: str
    p50_ms: float | None
    p99_ms: float | None
    count: int


class Throughput(msgspec.Struct, frozen=True, kw_only=True):
    """How much is done a second, over all processes, in the last minute or so; None while nobody can say.

    Attributes
    ----------
    degraded_per_s : float or None
        Answers that no policy chose; they are not among the decisions.
    """

    decisions_per_s: float | None
    outcomes_per_s: float | None
    degraded_per_s: float | None = None


class SystemView(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to ``GET /v1/system``: what the gateway could find out within a moment, at most a second ago.

    Attributes
    ----------
    at_ms : int
        When it was asked; Unix milliseconds.
    problems : list of str
        What could not be asked, or is not there.
    dead_letters : object
        By stream, how many messages could not be read.
    """

    at_ms: int
    problems: list[str]
    services: list[ServiceView]
    streams: list[StreamView]
    tiers: list[TierView]
    hops: list[HopView]
    dead_letters: dict[str, int]
    throughput: Throughput


class AlertView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a person should look at, as it was raised.

    Attributes
    ----------
    sequence : int
        Its place in the stream ALERTS.
    kind : str
        ``halted``, ``log-filling``, ``regret``, ``report``, ``promotion`` or another.
    tier : str
        ``_all`` when it is about all of them.
    service : str
        Who raised it.
    detail : object or None
        The same for a program; what is in it goes by the kind.
    """

    sequence: int
    kind: str
    tier: str
    text: str
    service: str
    raised_at_ms: int
    detail: dict[str, Any] | None = None


class AlertList(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to ``GET /v1/alerts``: the newest first."""

    alerts: list[AlertView]
