"""Prometheus metrics of all services, in base units and with bounded labels, never ids.

Label values are names from the configuration (tiers, arms, policies) or a short list in the code; arms that only a
request names are `instruments.OTHER`. The table in `docs/reference/metrics.md` is generated from this module.
"""

from prometheus_client import Info

from pointsman.runtime.telemetry.instruments import Counter, Gauge, Histogram, Summary

_SECONDS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

# Gateway
http_requests = Counter("pointsman_http_requests", "HTTP requests", ["route", "status"])
http_seconds = Histogram(
    "pointsman_http_request_seconds",
    "Latency of HTTP requests; for a stream, until its first byte",
    ["route"],
    buckets=_SECONDS,
)
page_requests_refused = Counter(
    "pointsman_page_requests_refused",
    "Requests refused because a web page of another site may have sent them",
    ["reason"],
)
fallbacks = Counter("pointsman_fallback_decisions", "Degraded responses, with the fallback arm", ["tier", "reason"])
outcomes_accepted = Counter("pointsman_outcomes_accepted", "Outcomes accepted into the log", ["tier", "learn"])
outcomes_repeated = Counter(
    "pointsman_outcomes_repeated",
    "Outcomes for a decision that already has one, identical or different",
    ["tier", "status"],
)
gateway_limits = Counter(
    "pointsman_gateway_limits", "Requests refused with 503 because a limit of the gateway was reached", ["limit"]
)
body_memory_bytes = Gauge("pointsman_gateway_body_memory_bytes", "Memory reserved for the bodies of requests")
stream_lost = Gauge("pointsman_stream_lost", "1 while a stream is missing that existed before", ["stream"])

# Gateway, chat requests. The provider is one of a configured arm, or empty.
_LLM_SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0)
llm_requests = Counter("pointsman_llm_requests", "Chat requests", ["tier", "provider", "status"])
llm_seconds = Histogram(
    "pointsman_llm_seconds",
    "From the arrival of a chat request to the last byte of the response",
    ["tier", "provider"],
    buckets=_LLM_SECONDS,
)
llm_first_byte_seconds = Histogram(
    "pointsman_llm_first_byte_seconds",
    "From the arrival of a chat request to the first byte for the client",
    ["tier", "provider"],
    buckets=_LLM_SECONDS,
)
llm_overhead_seconds = Histogram(
    "pointsman_llm_overhead_seconds",
    "Time to first byte of a chat request without the time spent waiting for providers",
    ["tier"],
    buckets=_SECONDS,
)
llm_tokens = Counter("pointsman_llm_tokens", "Tokens, as reported by providers", ["tier", "provider", "kind"])
llm_usage_faults = Counter(
    "pointsman_llm_usage_faults",
    "Answers with a token count, or a cost, that is not plausible and therefore unknown",
    ["provider", "reason"],
)
llm_failed_attempts = Counter("pointsman_llm_failed_attempts", "Failed attempts at an arm", ["provider", "error"])
llm_disconnects = Counter(
    "pointsman_llm_disconnects", "Clients that disconnected before the end of the response", ["tier"]
)
llm_cost_usd = Counter(
    "pointsman_llm_cost_usd", "Cost of chat requests with a known price, in US dollars", ["tier", "provider"]
)
llm_unpriced = Counter("pointsman_llm_unpriced", "Chat requests without a known price", ["tier", "provider"])
llm_scorer_errors = Counter("pointsman_llm_scorer_errors", "Answers that could not be graded", ["tier"])
feedback_accepted = Counter("pointsman_feedback", "Feedback, by result", ["tier", "status"])
llm_outcomes_lost = Counter("pointsman_llm_outcomes_lost", "Outcomes that could not be appended to the log", ["tier"])

# Gateway, provider attempts: names, units and buckets of OpenTelemetry's conventions for generative AI
_GEN_AI = ["gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model"]
_GEN_AI_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
gen_ai_duration_seconds = Histogram(
    "gen_ai_client_operation_duration_seconds",
    "From the start of an attempt at a provider to the end of its response, or to its failure",
    [*_GEN_AI, "error_type"],
    buckets=_GEN_AI_SECONDS,
)
gen_ai_first_chunk_seconds = Histogram(
    "gen_ai_client_operation_time_to_first_chunk_seconds",
    "From the start of the successful attempt to the first byte of its response",
    _GEN_AI,
    buckets=_GEN_AI_SECONDS,
)
gen_ai_tokens = Histogram(
    "gen_ai_client_token_usage",
    "Tokens of a request and of its response, as reported by the provider",
    [*_GEN_AI, "gen_ai_token_type"],
    buckets=tuple(4**power for power in range(14)),
)

# Decision replicas
decisions = Counter("pointsman_decisions", "Decisions logged and answered", ["tier", "policy", "explored"])
arm_decisions = Counter("pointsman_arm_decisions", "Decisions logged and answered, by chosen arm", ["tier", "arm"])
propensity = Histogram(
    "pointsman_decision_propensity_ratio",
    "Propensity: probability of the chosen arm, 0 to 1",
    ["tier"],
    buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99, 1.0),
)
decisions_refused = Counter("pointsman_decisions_refused", "Decision requests rejected with an error", ["reason"])
decision_seconds = Histogram(
    "pointsman_decision_seconds",
    "From the arrival of a request at a replica to its response",
    ["tier"],
    buckets=_SECONDS,
)
batch_size = Histogram(
    "pointsman_decision_batch_size",
    "Requests that are scored together",
    ["tier"],
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
)
state_age_seconds = Gauge("pointsman_state_age_seconds", "Age of the state that decisions are based on", ["tier"])
state_watermark = Gauge(
    "pointsman_state_watermark", "Sequence of the last outcome that decisions are based on", ["tier"]
)

# Reward-updater
outcomes_applied = Counter("pointsman_outcomes_applied", "Outcomes applied", ["tier"])
outcomes_skipped = Counter("pointsman_outcomes_skipped", "Outcomes read but not applied", ["tier", "reason"])
rewards = Histogram(
    "pointsman_reward_ratio", "Rewards, 0 to 1", ["tier"], buckets=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
)
arm_rewards = Summary("pointsman_arm_reward_ratio", "Rewards of each arm, 0 to 1", ["tier", "arm"])
arm_costs = Summary("pointsman_arm_cost_usd", "Reported costs of each arm, in US dollars", ["tier", "arm"])
outcome_outliers = Counter(
    "pointsman_outcome_outliers",
    "Costs and latencies of outcomes far above the usual in their tier",
    ["tier", "signal"],
)
reward_delay_seconds = Histogram(
    "pointsman_reward_delay_seconds",
    "From a decision to the acceptance of its outcome",
    ["tier"],
    buckets=(0.1, 0.5, 1, 5, 15, 60, 300, 1800, 3600, 6 * 3600, 86400, 7 * 86400),
)
commit_seconds = Histogram("pointsman_commit_seconds", "Duration of a commit to the store", ["tier"], buckets=_SECONDS)
drift_alarms = Counter(
    "pointsman_drift_alarms", "Alarms that the reward, cost or latency of an arm has changed", ["tier", "signal"]
)
commit_conflicts = Counter("pointsman_commit_conflicts", "Commits rejected because the watermark had changed", ["tier"])
commit_retries = Counter(
    "pointsman_commit_retries", "Restarts of the writer of a tier after a failure of NATS or the store", ["tier"]
)
log_lag = Gauge("pointsman_outcome_log_lag", "Outcomes in the log that are not applied yet", ["tier"])
watermark = Gauge("pointsman_watermark", "Sequence of the last applied outcome", ["tier"])
halted = Gauge("pointsman_tier_halted", "1 while the tier is halted because log and store disagree", ["tier"])

settled = Counter(
    "pointsman_settled_outcomes", "Outcomes settled after waiting for feedback, by result", ["tier", "feedback"]
)
feedback_held = Gauge("pointsman_feedback_held", "Feedback messages that the settler holds in memory", ["tier"])

log_bytes = Gauge("pointsman_log_bytes", "Size of a log", ["stream"])
log_missing = Gauge(
    "pointsman_log_missing_messages", "Messages between the first and the last of a log that NATS has lost", ["stream"]
)
log_filled = Gauge("pointsman_log_filled_ratio", "Share of its capacity that a log uses, 0 to 1", ["stream"])
stream_replicas = Gauge("pointsman_stream_replicas", "Servers that have all messages of a stream", ["stream"])
stream_replicas_wanted = Gauge("pointsman_stream_replicas_wanted", "Servers that should have them", ["stream"])

disk_free_bytes = Gauge("pointsman_disk_free_bytes", "Free space of a watched disk", ["disk"])
disk_size_bytes = Gauge("pointsman_disk_size_bytes", "Size of a watched disk", ["disk"])

# Shadow-evaluator
shadow_evaluated = Counter("pointsman_shadow_decisions", "Decisions evaluated by a shadow policy", ["tier", "policy"])
shadow_agreed = Counter(
    "pointsman_shadow_agreements", "Shadow decisions for the arm that was served", ["tier", "policy"]
)
shadow_errors = Counter("pointsman_shadow_errors", "Errors raised by a shadow policy", ["tier", "policy"])
shadow_lag = Gauge("pointsman_shadow_log_lag", "Decisions in the log that are not evaluated yet", ["tier"])
shadow_joined = Counter("pointsman_shadow_rewards_joined", "Rewards joined with their decisions", ["tier"])
shadow_unjoined = Counter("pointsman_shadow_rewards_unjoined", "Rewards whose decision had left the log", ["tier"])
shadow_reward_lag = Gauge("pointsman_shadow_reward_lag", "Rewards that are not joined yet", ["tier"])

# All
_HOP_SECONDS = (*_SECONDS, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
hop_seconds = Histogram(
    "pointsman_hop_seconds",
    "Latency of a hop; docs/reference/metrics.md defines the hops",
    ["hop", "tier"],
    buckets=_HOP_SECONDS,
)
waits_for_upgrade = Gauge(
    "pointsman_waits_for_upgrade", "1 while a message of a newer version stops the work on a tier", ["role", "tier"]
)
build = Info("pointsman_build", "Running version")
appends_failed = Counter(
    "pointsman_appends_failed", "Appends that NATS did not acknowledge, as when its disk is full", ["stream"]
)
dead_letters = Counter("pointsman_dead_letters", "Messages that could not be decoded", ["stream"])
