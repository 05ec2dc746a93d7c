"""How one process is, as it tells the gateway: part of its answer to NATS' service statistics (``$SRV.STATS``)."""

from __future__ import annotations

import msgspec

from pointsman.contracts.messages.codec import Message


class HopCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How often one part of the way took how long.

    Attributes
    ----------
    bounds_s : list of float, length B
        Upper bounds of the buckets, in seconds.
    counts : list of float, length B + 1
        Times in each bucket, not cumulated; the last is those above every bound.
    """

    hop: str
    bounds_s: list[float]
    counts: list[float]


class TierStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a process knows of one tier; what is not its business is absent.

    Attributes
    ----------
    state_age_ms : int, optional
        Of a decision replica: how old its memory is.
    watermark : int, optional
        Of a decision replica: the last outcome in its memory.
    log_lag : int, optional
        Of the reward-updater that writes the tier: outcomes not yet learned from.
    halted : bool
        Of a reward-updater: it refuses to go on.
    shadow_lag, reward_lag : int, optional
        Of the shadow-evaluator that follows the tier: decisions not yet seen, and rewards not yet joined.
    doing : str
        What it does with the tier, in a word or two.
    """

    tier: str
    state_age_ms: int | None = None
    watermark: int | None = None
    log_lag: int | None = None
    halted: bool = False
    shadow_lag: int | None = None
    reward_lag: int | None = None
    doing: str = ""


class DegradedCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many answers of a tier no policy chose, for one reason.

    Attributes
    ----------
    reason : str
        As in `FallbackEvent`.
    """

    tier: str
    reason: str
    count: float


class ServiceStatus(Message, frozen=True, kw_only=True):
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
        Since then.
    over_s : float
        How long the time is that the rest was counted over: a minute or so, less at the beginning.
    decisions, outcomes : float
        Decisions made by a replica; outcomes accepted by a gateway.
    hops : list of HopCounts
        Those that anything was measured of.
    degraded : list of DegradedCount, optional
        Of a gateway: the answers that no policy chose. Empty when there were none, absent from one that does not say.
    """

    service: str
    instance: str
    started_ms: int
    requests: int = 0
    errors: int = 0
    over_s: float = 0.0
    decisions: float = 0.0
    outcomes: float = 0.0
    hops: list[HopCounts] = []
    tiers: list[TierStatus] = []
    degraded: list[DegradedCount] | None = None


status_decoder = msgspec.json.Decoder(ServiceStatus)
