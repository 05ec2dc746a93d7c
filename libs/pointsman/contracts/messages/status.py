"""Status of one process: part of its answer to NATS service statistics requests (``$SRV.STATS``)."""

import msgspec

from pointsman.contracts.messages.codec import Message


class HopCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Histogram of the durations of one hop (a part of the request path).

    Attributes
    ----------
    bounds_s: Upper bounds of the B buckets, in seconds.
    counts: Observations in each of B + 1 buckets, not cumulative; the last bucket is above every bound.
    """

    hop: str
    bounds_s: list[float]
    counts: list[float]


class TierStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Status of one tier in one process; fields that do not apply to the service are absent.

    Attributes
    ----------
    state_age_ms: Decision replica: age of its state.
    watermark: Decision replica: sequence of the last outcome in its state.
    under_way: Decision replica: decisions that await their outcome, by arm (``provider:model``), of the arms of which
        little is known and which therefore have a bound.
    held_back: Decision replica: those of these arms that have reached the bound.
    log_lag: Reward-updater that writes the tier: number of outcomes not yet learned from.
    halted: Reward-updater: it stopped and needs an operator.
    shadow_lag, reward_lag: Shadow-evaluator that evaluates the tier: numbers of decisions not yet evaluated and of
        rewards not yet joined.
    doing: State of the work on the tier, in one or two words.
    """

    tier: str
    state_age_ms: int | None = None
    watermark: int | None = None
    under_way: dict[str, int] = {}
    held_back: list[str] = []
    log_lag: int | None = None
    halted: bool = False
    shadow_lag: int | None = None
    reward_lag: int | None = None
    doing: str = ""


class DegradedCount(msgspec.Struct, frozen=True, kw_only=True):
    """Number of degraded answers of a tier for one reason.

    Attributes
    ----------
    reason: As in `FallbackEvent`.
    """

    tier: str
    reason: str
    count: float


class StatusProblem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What does not work in one process, or has reached a limit.

    Attributes
    ----------
    kind: ``unwritable``, ``halted``, ``waiting``, ``behind``, ``stale``, ``log-put-back``, ``log-filling``,
        ``log-damaged``, ``replicas``, ``disk-low``, ``provider``, ``model``, ``degraded`` or another.
    subject: What has the problem: ``tier SIMPLE``, ``provider openai``, ``model openai:gpt-5``, ``stream DECISIONS``.
    serious: Whether it needs an operator. Otherwise it may pass, or concerns a part of the service.
    """

    kind: str
    subject: str
    text: str
    serious: bool = False


class ServiceStatus(Message, frozen=True, kw_only=True):
    """Status of one process.

    Attributes
    ----------
    service: ``gateway``, ``decision``, ``reward-updater`` or ``shadow-evaluator``.
    instance: Host and process number.
    started_ms: Unix milliseconds.
    requests, errors: Since the start.
    over_s: Length of the period of the following fields in seconds: about a minute, less after the start.
    decisions, outcomes: Decisions that a replica made; outcomes that a gateway accepted.
    hops: Hops with at least one observation.
    degraded: Gateway: degraded answers. Empty when there were none, absent from older versions.
    problems: What does not work at present; absent from older versions.
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
    problems: list[StatusProblem] | None = None


status_decoder = msgspec.json.Decoder(ServiceStatus)
