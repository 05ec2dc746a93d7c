"""Every Prometheus metric of every service, in base units and with bounded labels, never ids.

A label's values are what the configuration names (tiers, arms, policies) or a short list in the code; arms that only a
request names are `OTHER`. `docs/reference/metrics.md` has the table, which a test compares with what is here.
"""

from __future__ import annotations

from prometheus_client import REGISTRY, Info, generate_latest

from pointsman.runtime.telemetry.instruments import Counter, Gauge, Histogram, Summary

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

# Gateway
http_requests = Counter("pointsman_http_requests", "HTTP requests answered", ["route", "status"])
http_seconds = Histogram(
    "pointsman_http_request_seconds", "Time to answer an HTTP request", ["route"], buckets=_SECONDS
)
fallbacks = Counter("pointsman_fallback_decisions", "Decisions that no policy made", ["tier", "reason"])
outcomes_accepted = Counter("pointsman_outcomes_accepted", "Outcomes accepted into the log", ["tier", "learn"])
outcomes_repeated = Counter(
    "pointsman_outcomes_repeated",
    "Outcomes for a decision that had one: the same again, or another",
    ["tier", "status"],
)

# Gateway, calling models; a provider is one that arms of the configuration name, or empty
_LLM_SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0)
llm_requests = Counter("pointsman_llm_requests", "Chat requests answered", ["tier", "provider", "status"])
llm_seconds = Histogram(
    "pointsman_llm_seconds",
    "From a chat request's arrival to its last byte",
    ["tier", "provider"],
    buckets=_LLM_SECONDS,
)
llm_first_byte_seconds = Histogram(
    "pointsman_llm_first_byte_seconds",
    "From a chat request's arrival to the first byte for the client",
    ["tier", "provider"],
    buckets=_LLM_SECONDS,
)
llm_overhead_seconds = Histogram(
    "pointsman_llm_overhead_seconds",
    "Of the time to the first byte, what no provider was waited for",
    ["tier"],
    buckets=_SECONDS,
)
llm_tokens = Counter("pointsman_llm_tokens", "Tokens, as providers told them", ["tier", "provider", "kind"])
llm_failed_attempts = Counter("pointsman_llm_failed_attempts", "Arms that did not serve", ["provider", "error"])
llm_disconnects = Counter("pointsman_llm_disconnects", "Clients that left before the end", ["tier"])
llm_cost_usd = Counter("pointsman_llm_cost_usd", "What answers cost, as far as it is known", ["tier", "provider"])
llm_unpriced = Counter("pointsman_llm_unpriced", "Answers whose price is not known", ["tier", "provider"])
llm_scorer_errors = Counter("pointsman_llm_scorer_errors", "Answers that the scorer could not judge", ["tier"])
feedback_accepted = Counter("pointsman_feedback", "Feedback, by what became of it", ["tier", "status"])
llm_outcomes_lost = Counter("pointsman_llm_outcomes_lost", "Outcomes that could not be appended to the log", ["tier"])

# Gateway, calling models: the names, units and buckets of OpenTelemetry's conventions for generative AI
_GEN_AI = ["gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model"]
_GEN_AI_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
gen_ai_duration_seconds = Histogram(
    "gen_ai_client_operation_duration_seconds",
    "From the beginning of an attempt at a provider to the end of its answer, or its failure",
    [*_GEN_AI, "error_type"],
    buckets=_GEN_AI_SECONDS,
)
gen_ai_first_chunk_seconds = Histogram(
    "gen_ai_client_operation_time_to_first_chunk_seconds",
    "From the beginning of the attempt that served to the first byte of its answer",
    _GEN_AI,
    buckets=_GEN_AI_SECONDS,
)
gen_ai_tokens = Histogram(
    "gen_ai_client_token_usage",
    "Tokens of a request and of its answer, as the provider told them",
    [*_GEN_AI, "gen_ai_token_type"],
    buckets=tuple(4**power for power in range(14)),
)

# Decision replicas
decisions = Counter("pointsman_decisions", "Decisions logged and answered", ["tier", "policy", "explored"])
arm_decisions = Counter("pointsman_arm_decisions", "Decisions logged and answered, by the arm drawn", ["tier", "arm"])
propensity = Histogram(
    "pointsman_decision_propensity_ratio",
    "Probability with which the arm that was drawn was to be drawn, 0 to 1",
    ["tier"],
    buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99, 1.0),
)
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
arm_rewards = Summary("pointsman_arm_reward_ratio", "Rewards of each arm, 0 to 1", ["tier", "arm"])
arm_costs = Summary(
    "pointsman_arm_cost_usd", "Costs of each arm's outcomes that told one, in US dollars", ["tier", "arm"]
)
reward_delay_seconds = Histogram(
    "pointsman_reward_delay_seconds",
    "From a decision to its outcome's acceptance",
    ["tier"],
    buckets=(0.1, 0.5, 1, 5, 15, 60, 300, 1800, 3600, 6 * 3600, 86400, 7 * 86400),
)
commit_seconds = Histogram("pointsman_commit_seconds", "Time of one commit to the store", ["tier"], buckets=_SECONDS)
commit_conflicts = Counter("pointsman_commit_conflicts", "Commits refused because the watermark had moved", ["tier"])
commit_retries = Counter(
    "pointsman_commit_retries", "Times that writing began anew after NATS or the store had failed", ["tier"]
)
log_lag = Gauge("pointsman_outcome_log_lag", "Outcomes in the log that are not yet applied", ["tier"])
watermark = Gauge("pointsman_watermark", "Last outcome sequence applied", ["tier"])
halted = Gauge(
    "pointsman_tier_halted", "1 while the updater refuses to go on, because log and store disagree", ["tier"]
)

settled = Counter(
    "pointsman_settled_outcomes", "Outcomes that have waited for feedback, by what came of that", ["tier", "feedback"]
)
feedback_held = Gauge("pointsman_feedback_held", "Messages about feedback that the settler keeps in mind", ["tier"])

log_bytes = Gauge("pointsman_log_bytes", "Bytes that a log takes", ["stream"])
log_filled = Gauge("pointsman_log_filled_ratio", "Share of its room that a log takes, 0 to 1", ["stream"])

# Shadow-evaluator
shadow_evaluated = Counter("pointsman_shadow_decisions", "Decisions evaluated by a shadow policy", ["tier", "policy"])
shadow_agreed = Counter("pointsman_shadow_agreements", "Shadow decisions equal to what was served", ["tier", "policy"])
shadow_errors = Counter("pointsman_shadow_errors", "Shadow policies that raised", ["tier", "policy"])
shadow_lag = Gauge("pointsman_shadow_log_lag", "Decisions in the log that no shadow has seen yet", ["tier"])
shadow_joined = Counter("pointsman_shadow_rewards_joined", "Rewards joined with their decisions", ["tier"])
shadow_unjoined = Counter("pointsman_shadow_rewards_unjoined", "Rewards whose decision had left the log", ["tier"])
shadow_reward_lag = Gauge("pointsman_shadow_reward_lag", "Rewards that are not yet joined", ["tier"])

# All
_HOP_SECONDS = (*_SECONDS, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
hop_seconds = Histogram(
    "pointsman_hop_seconds",
    "Time of one hop; docs/reference/metrics.md says from where to where",
    ["hop", "tier"],
    buckets=_HOP_SECONDS,
)
build = Info("pointsman_build", "The version that runs")
dead_letters = Counter("pointsman_dead_letters", "Messages that could not be read", ["stream"])


def render() -> bytes:
    """Return all metrics in Prometheus' text format."""
    return generate_latest(REGISTRY)
