"""What is shown of what all processes say, and the one sentence about it."""

from __future__ import annotations

import pytest

from pointsman.contracts.messages.status import DegradedCount, HopCounts, ServiceStatus, TierStatus
from pointsman.runtime.bus.jetstream import StreamConfiguration, StreamInfo, StreamState
from pointsman_gateway.console.health_line import REASONS, health_line
from pointsman_gateway.console.snapshot import Place, Process, Snapshot
from pointsman_gateway.console.system import system_view, tier_view
from pointsman_gateway.decision_client import REASONS as DECIDER_REASONS

TIER = "T"
STALE_MS = 5000


def process(service: str, instance: str = "h:1", tier: TierStatus | None = None, **more: object) -> Process:
    tiers = [] if tier is None else [tier]
    return Process("1.0.0", ServiceStatus(service=service, instance=instance, started_ms=1, tiers=tiers, **more))  # type: ignore[arg-type]


def replica(instance: str = "h:1", age_ms: int | None = 40, **more: object) -> Process:
    return process("decision", instance, TierStatus(tier=TIER, state_age_ms=age_ms, watermark=9), **more)


def updater(**told: object) -> Process:
    return process("reward-updater", tier=TierStatus(tier=TIER, **told))  # type: ignore[arg-type]


def gateway(instance: str = "h:1", **reasons: float) -> Process:
    told = [DegradedCount(tier=TIER, reason=reason, count=count) for reason, count in reasons.items()]
    told.append(DegradedCount(tier="OTHER", reason="timeout", count=900.0))
    return process("gateway", instance, over_s=60.0, degraded=told)


EVALUATOR = process("shadow-evaluator", tier=TierStatus(tier=TIER, shadow_lag=2, reward_lag=1))


def snapshot(*processes: Process, place: Place | None = None, **more: object) -> Snapshot:
    made = Snapshot(1000, connected=True, processes=list(processes), places={TIER: place or Place(9, 9)})
    for name, value in more.items():
        setattr(made, name, value)
    return made


def hop(name: str, *counts: float, bounds: tuple[float, ...] = (0.001, 0.002)) -> HopCounts:
    return HopCounts(hop=name, bounds_s=list(bounds), counts=list(counts))


def test_times_of_all_processes_are_one_distribution() -> None:
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


def test_a_stream_says_when_its_first_and_last_message_came() -> None:
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
    ("place", "told", "lag"),
    [
        (Place(9, 9), None, 0),
        (Place(9, 9), 5, 0),
        (Place(12, 9), 2, 2),
        (Place(12, 9), None, None),
        (Place(None, 9), 4, 4),
        (Place(12, None), None, None),
    ],
)
def test_the_lag_is_nothing_when_the_store_is_at_the_log_s_end_and_else_what_the_updater_says(
    place: Place, told: int | None, lag: int | None
) -> None:
    view = tier_view(snapshot(updater(log_lag=told), EVALUATOR, replica(), place=place), TIER)
    assert view.lag == lag
    assert (view.shadow_lag, view.reward_lag) == (2, 1)
    assert [(age.instance, age.state_age_ms, age.watermark) for age in view.state_age_ms] == [("h:1", 40, 9)]


@pytest.mark.parametrize(
    ("now", "begins"),
    [
        (snapshot(connected=False), "NATS cannot be reached"),
        (snapshot(updater(), EVALUATOR), "No decision replica answers"),
        (snapshot(replica(), updater(), EVALUATOR, store="gone"), "The store cannot be reached"),
        (snapshot(replica(), updater(halted=True), EVALUATOR), "Learning has halted"),
        (snapshot(replica(), EVALUATOR, gateway(timeout=1)), "1 answer in the last minute was degraded (no replica"),
        (snapshot(replica(), updater(halted=True), EVALUATOR, gateway(timeout=1)), "Learning has halted"),
        (snapshot(updater(), EVALUATOR, gateway(no_replica=9)), "No decision replica answers"),
        (snapshot(replica(), EVALUATOR), "No reward-updater answers"),
        (snapshot(replica(age_ms=None), updater(), EVALUATOR), "No reward-updater has said yet"),
        (
            snapshot(replica(), replica("h:2", 7600), updater(), EVALUATOR),
            "Decisions are made on state that is 8 s old",
        ),
        (snapshot(replica(), updater(log_lag=12_000), EVALUATOR, place=Place(20_000, 8000)), "12,000 outcomes wait"),
        (snapshot(replica(), updater()), "No shadow-evaluator answers"),
    ],
)
def test_what_is_wrong_is_said_the_worst_first(now: Snapshot, begins: str) -> None:
    line = health_line(now, TIER, STALE_MS)
    assert not line.ok
    assert line.sentence.startswith(begins)
    assert line.sentence.endswith(".")


def test_degraded_answers_of_all_gateways_are_counted_with_their_most_frequent_reason() -> None:
    around = (replica(), updater(), EVALUATOR)
    older = process("gateway", "h:3", over_s=60.0)
    one = snapshot(*around, gateway("h:1", no_replica=1200), gateway("h:2", no_replica=34), older)
    assert health_line(one, TIER, STALE_MS).sentence == (
        "1,234 answers in the last minute were degraded (no replica was there)."
    )
    several = snapshot(*around, gateway("h:1", no_replica=3, nats=2), gateway("h:2", nats=2))
    assert health_line(several, TIER, STALE_MS).sentence == (
        "7 answers in the last minute were degraded (mostly: NATS was not reached)."
    )
    new = health_line(snapshot(*around, gateway(a_new_reason=2)), TIER, STALE_MS).sentence
    assert new == "2 answers in the last minute were degraded (a_new_reason)."
    assert health_line(snapshot(*around, gateway(), older), TIER, STALE_MS).ok


def test_degraded_answers_a_second_are_those_of_all_tiers_and_gateways_that_say_so() -> None:
    older = process("gateway", "h:3", over_s=60.0)
    view = system_view(snapshot(gateway("h:1", nats=60), gateway("h:2"), older))
    assert view.throughput.degraded_per_s == pytest.approx((60 + 900 + 900) / 60.0)
    assert system_view(snapshot(older)).throughput.degraded_per_s is None


def test_every_reason_has_words() -> None:
    assert set(REASONS) == set(DECIDER_REASONS)


def test_all_is_well() -> None:
    line = health_line(snapshot(replica(), replica("h:2", 1240), updater(), EVALUATOR), TIER, STALE_MS)
    assert line.ok
    assert line.sentence == "All is well: 2 replicas decide on state 1.2 s old, and every outcome is learned from."
    behind = snapshot(
        replica(), updater(log_lag=1), EVALUATOR, place=Place(12, 9), dead={"OUTCOMES": 1, "DECISIONS": 2}
    )
    assert health_line(behind, TIER, STALE_MS).sentence == (
        "All is well: 1 replica decides on state 0.0 s old, and 1 outcome is being learned from; 3 messages could not "
        "be read."
    )
