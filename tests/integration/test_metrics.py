"""The metrics of the real stack: each hop is measured, and nothing that a client makes up becomes a label."""

from __future__ import annotations

import urllib.request
from collections import defaultdict

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.processes import ServiceProcess
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

MADE_UP = "zyx314"
TIERS = {"SIMPLE", "OPEN"}
ARMS = {"ollama:llama3.2", "openai:gpt-4o-mini", "openrouter:meta-llama/llama-3.1-70b", "other"}
CONTEXT = [0.5, 0.25, -0.5]

Samples = dict[str, list[tuple[dict[str, str], float]]]


def samples(services: dict[str, ServiceProcess]) -> Samples:
    """All samples of all services by name, as Prometheus reads them."""
    found: Samples = defaultdict(list)
    for service in services.values():
        with urllib.request.urlopen(f"{service.url}/metrics", timeout=10.0) as answer:
            for family in text_string_to_metric_families(answer.read().decode()):
                for sample in family.samples:
                    found[sample.name].append((sample.labels, sample.value))
    return found


def total(found: Samples, name: str, **labels: str) -> float:
    return sum(value for sample, value in found[name] if labels.items() <= sample.items())


@pytest.fixture(scope="module")
def traffic(client: httpx.Client, services: dict[str, ServiceProcess]) -> Samples:
    """Metrics of the services after requests of every kind, many of them with names invented by a client."""
    own = [{"provider": f"{MADE_UP}{i}", "model": f"m-{MADE_UP}-{i}"} for i in range(3)]
    decisions = []
    for tier, candidates in (("SIMPLE", None), ("SIMPLE", None), ("OPEN", own), ("OPEN", own[:2])):
        body = {"tier": tier, "context": CONTEXT} | ({"candidates": candidates} if candidates else {})
        answer = client.post("/v1/decisions", json=body)
        assert answer.status_code == 200 and not answer.json()["degraded"], answer.text
        decisions.append(answer.json()["decision_id"])
    for decision_id in decisions:
        outcome = {"decision_id": decision_id, "quality": 70.0, "cost_usd": 0.002, "latency_ms": 800.0}
        assert client.post("/v1/outcomes", json=outcome).status_code == 202
        assert client.post("/v1/outcomes", json=outcome).status_code == 200
        assert client.post("/v1/outcomes", json=outcome | {"quality": 1.0}).status_code == 409
    client.post("/v1/decisions", json={"tier": MADE_UP, "context": CONTEXT})
    client.post("/v1/outcomes", json={"decision_id": f"{MADE_UP}.1.abcdef", "quality": 1.0})
    for path in (
        f"/{MADE_UP}",
        f"/v1/decisions/{MADE_UP}",
        f"/v1/policies/{MADE_UP}/history",
        f"/v1/arms?tier={MADE_UP}",
    ):
        client.get(path)
    client.request(MADE_UP.upper(), "/v1/arms")
    wait_until(lambda: total(samples(services), "pointsman_outcomes_applied_total") >= 4.0, "all learned from")
    wait_until(lambda: total(samples(services), "pointsman_shadow_decisions_total") >= 4.0, "all seen by the shadow")
    wait_until(
        lambda: total(samples(services), "pointsman_hop_seconds_count", hop="commit_replica") >= 1.0, "picked up"
    )
    return samples(services)


@pytest.mark.parametrize("hop", ["gateway_decision", "decision_log", "outcome_log", "outcome_commit", "commit_replica"])
def test_each_hop_is_measured(traffic: Samples, hop: str) -> None:
    for tier in TIERS:
        count = total(traffic, "pointsman_hop_seconds_count", hop=hop, tier=tier)
        assert count >= (1.0 if hop == "commit_replica" else 2.0)  # commits may be picked up together
        assert 0.0 <= total(traffic, "pointsman_hop_seconds_sum", hop=hop, tier=tier) < 20.0 * count


def test_decisions_outcomes_and_rewards_are_counted_by_tier_and_arm(traffic: Samples) -> None:
    for name in (
        "pointsman_decisions_total",
        "pointsman_arm_decisions_total",
        "pointsman_decision_propensity_ratio_count",
    ):
        assert total(traffic, name, tier="SIMPLE") == total(traffic, name, tier="OPEN") == 2.0
    assert total(traffic, "pointsman_arm_decisions_total", tier="OPEN", arm="other") == 2.0
    assert total(traffic, "pointsman_arm_reward_ratio_count") == 4.0
    assert total(traffic, "pointsman_arm_reward_ratio_sum") == pytest.approx(
        total(traffic, "pointsman_reward_ratio_sum")
    )
    assert total(traffic, "pointsman_arm_cost_usd_sum") == pytest.approx(4 * 0.002)
    assert total(traffic, "pointsman_outcomes_repeated_total", status="200") == 4.0
    assert total(traffic, "pointsman_outcomes_repeated_total", status="409") == 4.0
    assert total(traffic, "pointsman_reward_delay_seconds_count") == 4.0
    assert total(traffic, "pointsman_build_info") == 4.0  # one for each process


def test_counters_of_events_that_have_not_happened_are_exported_as_0(traffic: Samples) -> None:
    assert {labels["stream"] for labels, _ in traffic["pointsman_dead_letters_total"]} == {
        "OUTCOMES",
        "FEEDBACK",
        "DECISIONS",
        "REWARDS",
    }
    # Both, or their sum is nothing, and the alert on it silent for ever.
    for name in ("pointsman_commit_retries_total", "pointsman_commit_conflicts_total"):
        assert {labels["tier"] for labels, _ in traffic[name]} == TIERS
    assert {labels["tier"] for labels, _ in traffic["pointsman_tier_halted"]} == TIERS
    assert {labels["tier"] for labels, _ in traffic["pointsman_fallback_decisions_total"]} == TIERS
    assert total(traffic, "pointsman_dead_letters_total") == total(traffic, "pointsman_tier_halted") == 0.0


def test_labels_are_names_from_the_configuration(traffic: Samples) -> None:
    for name, samples in traffic.items():
        for labels, _ in samples:
            assert MADE_UP not in "".join(labels.values()).lower(), (name, labels)
            assert labels.get("tier", "SIMPLE") in TIERS, (name, labels)
            assert labels.get("arm", "other") in ARMS, (name, labels)
    assert {labels["route"] for labels, _ in traffic["pointsman_http_requests_total"]} >= {"(none)", "/v1/outcomes"}
