"""Every Prometheus metric of every service, in base units and with bounded labels (tiers and policies, never ids)."""

from __future__ import annotations

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

# Gateway
http_requests = Counter("pointsman_http_requests", "HTTP requests answered", ["route", "status"])
http_seconds = Histogram(
    "pointsman_http_request_seconds", "Time to answer an HTTP request", ["route"], buckets=_SECONDS
)
fallbacks = Counter("pointsman_fallback_decisions", "Decisions that no policy made", ["tier", "reason"])
outcomes_accepted = Counter("pointsman_outcomes_accepted", "Outcomes accepted into the log", ["tier", "learn"])

# Decision replicas
decisions = Counter("pointsman_decisions", "Decisions logged and answered", ["tier", "policy", "explored"])
decisions_refused = Counter("pointsman_decisions_refused", "Decision requests answered with an error", ["reason"])
decision_seconds = Histogram(
    "pointsman_decision_seconds", "From a request's arrival at a replica to its answer", ["tier"], buckets=_SECONDS
)
batch_size = Histogram(
    "pointsman_decision_batch_size", "Requests scored together", ["tier"], buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256)
)
state_age_seconds = Gauge("pointsman_state_age_seconds", "Age of the state that decisions are made from", ["tier"])
state_watermark = Gauge("pointsman_state_watermark", "Last outcome sequence behind decisions", ["tier"])

# Reward-updater
outcomes_applied = Counter("pointsman_outcomes_applied", "Outcomes learned from", ["tier"])
outcomes_skipped = Counter("pointsman_outcomes_skipped", "Outcomes read and not learned from", ["tier", "reason"])
rewards = Histogram(
    "pointsman_reward_ratio", "Rewards, 0 to 1", ["tier"], buckets=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
)
reward_delay_seconds = Histogram(
    "pointsman_reward_delay_seconds",
    "From a decision to its outcome's acceptance",
    ["tier"],
    buckets=(0.1, 0.5, 1, 5, 15, 60, 300, 1800, 3600, 6 * 3600, 86400, 7 * 86400),
)
commit_seconds = Histogram("pointsman_commit_seconds", "Time of one commit to the store", ["tier"], buckets=_SECONDS)
commit_conflicts = Counter("pointsman_commit_conflicts", "Commits refused because the watermark had moved", ["tier"])
log_lag = Gauge("pointsman_outcome_log_lag", "Outcomes in the log that are not yet applied", ["tier"])
watermark = Gauge("pointsman_watermark", "Last outcome sequence applied", ["tier"])
halted = Gauge(
    "pointsman_tier_halted", "1 while the updater refuses to go on, because log and store disagree", ["tier"]
)

log_filled = Gauge("pointsman_log_filled_ratio", "Share of its room that a log takes, 0 to 1", ["stream"])

# Shadow-evaluator
shadow_evaluated = Counter("pointsman_shadow_decisions", "Decisions evaluated by a shadow policy", ["tier", "policy"])
shadow_agreed = Counter("pointsman_shadow_agreements", "Shadow decisions equal to what was served", ["tier", "policy"])
shadow_errors = Counter("pointsman_shadow_errors", "Shadow policies that raised", ["tier", "policy"])
shadow_lag = Gauge("pointsman_shadow_log_lag", "Decisions in the log that no shadow has seen yet", ["tier"])

# All
dead_letters = Counter("pointsman_dead_letters", "Messages that could not be read", ["stream"])


def render() -> bytes:
    """Return all metrics in Prometheus' text format."""
    return generate_latest(REGISTRY)
