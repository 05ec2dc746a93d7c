"""The system view of a snapshot, and the health of a tier."""

from __future__ import annotations

import pytest

from pointsman.contracts.messages.status import DegradedCount, HopCounts, ServiceStatus, TierStatus
from pointsman.runtime.bus.jetstream import StreamConfiguration, StreamInfo, StreamState
from pointsman.runtime.bus.status import ProcessStatus
from pointsman_gateway.console.system import system_view, tier_view
from pointsman_gateway.console.system_monitor import SystemSnapshot, TierProgress
from pointsman_gateway.console.tier_health import REASONS, tier_health
from pointsman_gateway.decision_client import REASONS as CLIENT_REASONS

TIER = "T"
STALE_MS = 5000


def process(service: str, instance: str = "h:1", tier: TierStatus | None = None, **more: object) -> ProcessStatus:
    tiers = [] if tier is None else [tier]
    status = ServiceStatus(service=service, instance=instance, started_ms=1, tiers=tiers, **more)  # type: ignore[arg-type]
    return ProcessStatus(instance, "1.0.0", status)


def replica(instance: str = "h:1", age_ms: int | None = 40, **more: object) -> ProcessStatus:
    return process("decision", instance, TierStatus(tier=TIER, state_age_ms=age_ms, watermark=9), **more)


def updater(**report: object) -> ProcessStatus:
    return process("reward-updater", tier=TierStatus(tier=TIER, **report))  # type: ignore[arg-type]


def gateway(instance: str = "h:1", **reasons: float) -> ProcessStatus:
    counts = [DegradedCount(tier=TIER, reason=reason, count=count) for reason, count in reasons.items()]
    counts.append(DegradedCount(tier="OTHER", reason="timeout", count=900.0))
    return process("gateway", instance, over_s=60.0, degraded=counts)


EVALUATOR = process("shadow-evaluator", tier=TierStatus(tier=TIER, shadow_lag=2, reward_lag=1))


def snapshot(*processes: ProcessStatus, progress: TierProgress | None = None, **more: object) -> SystemSnapshot:
    made = SystemSnapshot(1000, connected=True, processes=list(processes), tiers={TIER: progress or TierProgress(9, 9)})
    for name, value in more.items():
        setattr(made, name, value)
    return made


def hop(name: str, *counts: float, bounds: tuple[float, ...] = (0.001, 0.002)) -> HopCounts:
    return HopCounts(hop=name, bounds_s=list(bounds), counts=list(counts))


def test_latencies_of_all_processes_are_one_distribution() -> None:
    quick = replica("h:1", hops=[hop("replica", 99.0, 0.0, 0.0)], over_s=10.0, decisions=99.0)
    slow = replica("h:2", hops=[hop("replica", 0.0, 1.0, 0.0)], over_s=20.0, decisions=1.0)
    other = replica("h:3", hops=[hop("replica", 5.0, 5.0, bounds=(7.0,))])  # of another version
    view = system_view(snapshot(quick, slow, other))
    shown = next(found for found in view.hops if found.hop == "replica")
    assert shown.p50_ms == pytest.approx(1.0 * 50 / 99)
    assert shown.p99_ms == pytest.approx(1.0)
    assert view.throughput.decisions_per_s == pytest.approx(9.9 + 0.05)
    assert view.throughput.outcomes_per_s is None
    assert [service.p99_ms for service in view.services] == pytest.approx([0.99, 1.99, 7000.0])


def test_stream_shows_the_times_of_its_first_and_last_message() -> None:
    state = StreamState(
        messages=2,
        bytes=10,
        first_seq=4,
        last_seq=5,
        first_ts="2026-11-22T06:00:00.123456789Z",
        last_ts="2026-11-22T06:00:01Z",
    )
    streams = {
        "OUTCOMES": StreamInfo(created="x", config=StreamConfiguration(max_bytes=-1), state=state),
        "DEAD": StreamInfo(created="x", config=StreamConfiguration(max_bytes=7)),
    }
    outcomes, dead = system_view(snapshot(streams=streams)).streams
    assert (outcomes.name, outcomes.max_bytes) == ("OUTCOMES", None)
    assert (outcomes.first_ms, outcomes.last_ms) == (1_795_327_200_123, 1_795_327_201_000)
    assert (dead.name, dead.max_bytes, dead.first_ms, dead.last_ms) == ("DEAD", 7, None, None)


@pytest.mark.parametrize(
    ("progress", "log_lag", "lag"),
    [
        (TierProgress(9, 9), None, 0),
        (TierProgress(9, 9), 5, 0),
        (TierProgress(12, 9), 2, 2),
        (TierProgress(12, 9), None, None),
        (TierProgress(None, 9), 4, 4),
        (TierProgress(12, None), None, None),
    ],
)
def test_lag_is_zero_at_the_end_of_the_log_and_otherwise_as_the_updater_reports(
    progress: TierProgress, log_lag: int | None, lag: int | None
) -> None:
    view = tier_view(snapshot(updater(log_lag=log_lag), EVALUATOR, replica(), progress=progress), TIER)
    assert view.lag == lag
    assert (view.shadow_lag, view.reward_lag) == (2, 1)
    assert [(age.instance, age.state_age_ms, age.watermark) for age in view.state_age_ms] == [("h:1", 40, 9)]


@pytest.mark.parametrize(
    ("now", "begins"),
    [
        (snapshot(connected=False), "NATS is unreachable"),
        (snapshot(updater(), EVALUATOR), "No decision replica responds"),
        (snapshot(replica(), updater(), EVALUATOR, store_error="timeout"), "The store is unreachable"),
        (snapshot(replica(), updater(halted=True), EVALUATOR), "Learning is halted"),
        (
            snapshot(replica(), EVALUATOR, gateway(timeout=1)),
            "1 response in the last minute was degraded (decision timeout",
        ),
        (snapshot(replica(), updater(halted=True), EVALUATOR, gateway(timeout=1)), "Learning is halted"),
        (snapshot(updater(), EVALUATOR, gateway(no_replica=9)), "No decision replica responds"),
        (snapshot(replica(), EVALUATOR), "No reward-updater responds"),
        (snapshot(replica(age_ms=None), updater(), EVALUATOR), "The age of the learned state is unknown"),
        (
            snapshot(replica(), replica("h:2", 7600), updater(), EVALUATOR),
            "Decisions use state that is 8 s old",
        ),
        (
            snapshot(replica(), updater(log_lag=12_000), EVALUATOR, progress=TierProgress(20_000, 8000)),
            "12,000 outcomes wait",
        ),
        (snapshot(replica(), updater()), "No shadow-evaluator responds"),
    ],
)
def test_health_names_the_most_severe_problem(now: SystemSnapshot, begins: str) -> None:
    line = tier_health(now, TIER, STALE_MS)
    assert not line.ok
    assert line.sentence.startswith(begins)
    assert line.sentence.endswith(".")


def test_degraded_responses_of_all_gateways_are_counted_with_the_most_frequent_reason() -> None:
    around = (replica(), updater(), EVALUATOR)
    older = process("gateway", "h:3", over_s=60.0)
    one = snapshot(*around, gateway("h:1", no_replica=1200), gateway("h:2", no_replica=34), older)
    assert tier_health(one, TIER, STALE_MS).sentence == (
        "1,234 responses in the last minute were degraded (no decision replica)."
    )
    several = snapshot(*around, gateway("h:1", no_replica=3, nats=2), gateway("h:2", nats=2))
    assert tier_health(several, TIER, STALE_MS).sentence == (
        "7 responses in the last minute were degraded (mostly: NATS unreachable)."
    )
    new = tier_health(snapshot(*around, gateway(a_new_reason=2)), TIER, STALE_MS).sentence
    assert new == "2 responses in the last minute were degraded (a_new_reason)."
    assert tier_health(snapshot(*around, gateway(), older), TIER, STALE_MS).ok


def test_degraded_rate_is_that_of_all_tiers_and_of_the_gateways_that_report_it() -> None:
    older = process("gateway", "h:3", over_s=60.0)
    view = system_view(snapshot(gateway("h:1", nats=60), gateway("h:2"), older))
    assert view.throughput.degraded_per_s == pytest.approx((60 + 900 + 900) / 60.0)
    assert system_view(snapshot(older)).throughput.degraded_per_s is None


def test_every_reason_has_a_description() -> None:
    assert set(REASONS) == set(CLIENT_REASONS)


def test_healthy_tier() -> None:
    line = tier_health(snapshot(replica(), replica("h:2", 1240), updater(), EVALUATOR), TIER, STALE_MS)
    assert line.ok
    assert line.sentence == "Healthy: 2 decision replicas, state at most 1.2 s old, all outcomes applied."
    behind = snapshot(
        replica(),
        updater(log_lag=1),
        EVALUATOR,
        progress=TierProgress(12, 9),
        dead_letters={"OUTCOMES": 1, "DECISIONS": 2},
    )
    assert tier_health(behind, TIER, STALE_MS).sentence == (
        "Healthy: 1 decision replica, state at most 0.0 s old, 1 outcome pending, 3 dead letters."
    )
