"""Reading the configuration: the file, then the environment over it, then every check; all problems at once.

A setting ``[section] key`` is overridden by ``POINTSMAN_SECTION_KEY``, as in ``POINTSMAN_NATS_URL`` or
``POINTSMAN_POLICY_EPSILON``; the value is read as TOML where it is TOML, and as plain text otherwise.
``POINTSMAN_CONFIG`` names the file. Lists of tables (``[[tier]]``, ``[[shadow]]``, …) come from the file only.
"""

from __future__ import annotations

import hashlib
import math
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from pointsman.contracts.access.keys import key_problems
from pointsman.contracts.config.connections import check_connections, with_password
from pointsman.contracts.config.errors import ConfigError
from pointsman.contracts.config.feedback import check_metrics
from pointsman.contracts.config.llm import llm_problems
from pointsman.contracts.config.prices import check_prices
from pointsman.contracts.config.promotion import check_promotion
from pointsman.contracts.config.providers import check_providers
from pointsman.contracts.config.reporting import check_reporting
from pointsman.contracts.config.schema import Config, GatewayConfig, PolicyConfig, TierConfig
from pointsman.contracts.config.scoring import check_scoring
from pointsman.contracts.config.tracing import check_tracing
from pointsman.contracts.messages.codec import encode, invalid
from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.contracts.messages.ids import FALLBACK
from pointsman.contracts.messages.policy_check import setting_problems
from pointsman.contracts.messages.subjects import check_name
from pointsman.core.bandit import ArmError, PolicyError, RewardSettings, make_policy
from pointsman.core.bandit.arm import Arm

PREFIX = "POINTSMAN_"
DEFAULT_FILE = "pointsman.toml"
MAX_DIM = 1024
NOT_SETTINGS = frozenset({"API_KEY", "CONFIG", "DATA_DIR"})
"""Variables with the prefix that are read by the command line, and are no settings."""

INSTEAD = {"password": "password_file", "password_file": "password"}
"""Settings of which the environment's replaces the file's other."""


def load_config(path: Path | str | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """Read the configuration.

    Parameters
    ----------
    path : path, optional
        The file; by default ``$POINTSMAN_CONFIG``, or ``pointsman.toml`` where there is one.
    environ : mapping, optional
        The environment; ``os.environ`` by default.

    Raises
    ------
    ConfigError
        With every problem that was found.
    """
    environ = os.environ if environ is None else environ
    chosen = path or environ.get(PREFIX + "CONFIG")
    file = Path(chosen) if chosen else Path(DEFAULT_FILE)
    tables: dict[str, Any] = {}
    if chosen or file.exists():
        try:
            tables = tomllib.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError([f"{file}: {error.strerror or error}"]) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError([f"{file}: {error}"]) from error
    problems = _apply_environment(tables, environ)
    config = _convert(tables, problems)
    config = msgspec.structs.replace(
        config,
        nats=with_password(config.nats, "nats", problems),
        redis=with_password(config.redis, "redis", problems),
    )
    problems += _check(config)
    if problems:
        raise ConfigError(problems)
    return config


def digest(config: Config, tier: TierConfig) -> str:
    """Return what identifies the policies that the configuration gives a tier."""
    return hashlib.sha256(encode([config.active(tier), config.shadows(tier)])).hexdigest()[:16]


def _apply_environment(tables: dict[str, Any], environ: Mapping[str, str]) -> list[str]:
    problems = []
    sections = {field.name: field for field in msgspec.structs.fields(Config)}
    for variable in sorted(name for name in environ if name.startswith(PREFIX)):
        rest = variable.removeprefix(PREFIX)
        if rest in NOT_SETTINGS:
            continue
        lowered = rest.lower()
        section = next((s for s in sorted(sections, key=len, reverse=True) if lowered.startswith(s + "_")), None)
        key = lowered.removeprefix(f"{section}_") if section else ""
        default = sections[section].default if section else msgspec.NODEFAULT
        if section is None or key not in getattr(default, "__struct_fields__", ()):
            problems.append(f"{variable}: no such setting")
            continue
        table = tables.setdefault(section, {})
        if isinstance(table, dict):  # what is no table is reported when it is converted
            if key in INSTEAD:
                table.pop(INSTEAD[key], None)
            wanted = next(field.type for field in msgspec.structs.fields(sections[section].type) if field.name == key)
            table[key] = _value(environ[variable], wanted)
    return problems


def _value(text: str, wanted: Any) -> Any:
    """Read the value of a variable; an empty one takes an optional text away."""
    if wanted is str:
        return text
    if wanted == (str | None):
        return text or None
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _convert(tables: dict[str, Any], problems: list[str]) -> Config:
    """Convert section by section, so that one bad section does not hide the problems of the others."""
    good: dict[str, Any] = {}
    for field in msgspec.structs.fields(Config):
        if field.name not in tables:
            continue
        try:
            good[field.name] = msgspec.convert(tables[field.name], field.type)
        except msgspec.ValidationError as error:
            wrong = invalid(error)
            separator = "." if wrong.field else ": "
            problems.append(f"{field.name}{'' if wrong.field.startswith('[') else separator}{wrong}")
    known = {field.name for field in msgspec.structs.fields(Config)}
    problems.extend(f"{name}: no such section" for name in tables if name not in known)
    return Config(**good)


def _check(config: Config) -> list[str]:
    problems = []
    if not 1 <= config.context.dim <= MAX_DIM:
        problems.append(f"context.dim: expected 1 to {MAX_DIM}, got {config.context.dim}")
    if config.context.names and len(config.context.names) != config.context.dim:
        told = len(config.context.names)
        problems.append(f"context.names: expected {config.context.dim} names, as many as context.dim, got {told}")
    problems += _check_reward(config.reward)
    problems += _check_tiers(config)
    problems += _check_policy(config.policy, "policy")
    for at, shadow in enumerate(config.shadow):
        where = f"shadow[{at}]"
        problems += _check_policy(shadow, where)
        if shadow.name is None:
            problems.append(f"{where}.name: a shadow needs a name")
        problems += [f"{where}.tiers: no tier {t!r}" for t in shadow.tiers or [] if config.tier_named(t) is None]
    names = [shadow.name for shadow in config.shadow if shadow.name]
    problems += [
        f"shadow: the name {name!r} is used twice" for name in sorted({n for n in names if names.count(n) > 1})
    ]
    for arm, cost in config.cost_usd.items():
        problems += _check_arm(arm, f"cost_usd.{arm!r}")
        if not (math.isfinite(cost) and cost >= 0.0):
            problems.append(f"cost_usd.{arm!r}: expected a number of at least 0, got {cost}")
    problems += _check_numbers(config)
    problems += check_promotion(config.promotion, [tier.name for tier in config.tier])
    problems += check_reporting(config.report, config.regret)
    problems += check_providers(config.provider)
    problems += check_prices(config.price)
    problems += check_metrics(config.metric)
    problems += check_scoring(config.scoring)
    problems += check_tracing(config.tracing)
    problems += llm_problems(config.llm, [tier.name for tier in config.tier])
    problems += _check_access(config)
    problems += check_connections(config.nats, config.redis)
    return problems


def _check_reward(reward: RewardSettings) -> list[str]:
    problems = []
    for name in ("lambda_cost", "mu_latency"):
        value = getattr(reward, name)
        if not (math.isfinite(value) and value >= 0.0):
            problems.append(f"reward.{name}: expected a number of at least 0, got {value}")
    if reward.normalizer not in ("minmax", "fixed"):
        problems.append(f"reward.normalizer: expected minmax or fixed, got {reward.normalizer!r}")
    for name in ("cost_bounds_usd", "latency_bounds_ms"):
        low, high = getattr(reward, name)
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            problems.append(f"reward.{name}: expected [low, high] with low < high, got {[low, high]}")
    return problems


def _check_tiers(config: Config) -> list[str]:
    problems = [] if config.tier else ["tier: at least one [[tier]] is needed"]
    seen: set[str] = set()
    for at, tier in enumerate(config.tier):
        where = f"tier[{at}]"
        try:
            check_name(tier.name, f"{where}.name")
        except InvalidMessage as error:
            problems.append(str(error))
        if tier.name == FALLBACK:
            problems.append(f"{where}.name: {FALLBACK!r} is what ids of decisions that no policy made begin with")
        if tier.name in seen:
            problems.append(f"{where}.name: {tier.name!r} is used twice")
        seen.add(tier.name)
        for i, arm in enumerate(tier.arms):
            problems += _check_arm(arm, f"{where}.arms[{i}]")
            if arm in tier.arms[:i]:
                problems.append(f"{where}.arms[{i}]: {arm!r} is there twice")
        if tier.fallback is not None:
            problems += _check_arm(tier.fallback, f"{where}.fallback")
        if tier.policy is not None:
            problems += _check_policy(tier.policy, f"{where}.policy")
        if not (math.isfinite(tier.reward_wait_s) and tier.reward_wait_s >= 0.0):
            problems.append(f"{where}.reward_wait_s: expected a number of at least 0, got {tier.reward_wait_s}")
        longest_s = config.nats.feedback_max_age_days * 86_400.0 / 2.0
        if tier.reward_wait_s > longest_s:  # so that nothing leaves the stream before it has counted
            problems.append(
                f"{where}.reward_wait_s: expected at most half of nats.feedback_max_age_days, {longest_s:g} s"
            )
    return problems


def _check_arm(arm: str, where: str) -> list[str]:
    try:
        Arm.parse(arm)
    except ArmError as error:
        return [f"{where}: {error}"]
    return []


def _check_policy(policy: PolicyConfig, where: str) -> list[str]:
    problems = []
    spec = policy.spec()
    problems += [f"{where}.{name}: {problem}" for name, problem in setting_problems(spec).items()]
    if spec.sample is not None and not where.startswith("shadow"):
        problems.append(f"{where}.sample: only a shadow can be run on some of the decisions")
    try:
        check_name(spec.name, f"{where}.name")
    except InvalidMessage as error:
        problems.append(str(error))
    try:
        make_policy(spec.algorithm, spec.parameters)
    except PolicyError as error:
        problems.append(f"{where}.{error}")
    return problems


def _check_access(config: Config) -> list[str]:
    problems = []
    for at, key in enumerate(config.api_key):
        problems += key_problems(key, f"api_key[{at}]")
        if any(key.id == other.id for other in config.api_key[:at]):
            problems.append(f"api_key[{at}].id: used twice")
    gateway: GatewayConfig = config.gateway
    limit = gateway.anonymous_rate_limit_per_s
    if not (math.isfinite(limit) and limit >= 0.0):
        problems.append(f"gateway.anonymous_rate_limit_per_s: expected a number of at least 0, got {limit}")
    for name, other in (("cert_file", "key_file"), ("key_file", "cert_file")):
        if getattr(gateway, name) is not None and getattr(gateway, other) is None:
            problems.append(f"gateway.{other}: is needed beside {name}")
    return problems


_AT_LEAST_ONE = {
    "nats": ("decisions_max_bytes", "outcomes_max_bytes", "feedback_max_bytes", "events_max_bytes", "replicas"),
    "redis": ("timeout_ms",),
    "gateway": ("decide_timeout_ms", "log_timeout_ms", "max_body_bytes", "read_timeout_ms"),
    "decision": ("stale_after_ms", "reconcile_ms", "log_timeout_ms", "max_batch"),
    "reward_updater": ("max_batch", "lease_ms"),
    "shadow_evaluator": ("max_batch", "lease_ms", "keep_days", "pending_decisions", "pick_days"),
}


def _check_numbers(config: Config) -> list[str]:
    problems = []
    for section, keys in _AT_LEAST_ONE.items():
        for key in keys:
            value = getattr(getattr(config, section), key)
            if value < 1:
                problems.append(f"{section}.{key}: expected at least 1, got {value}")
    for key in ("decisions_max_age_days", "feedback_max_age_days", "events_max_age_days"):
        value = getattr(config.nats, key)
        if not (math.isfinite(value) and value > 0):
            problems.append(f"nats.{key}: expected more than 0, got {value}")
    if not 0.0 < config.nats.alarm_at <= 1.0:
        problems.append(f"nats.alarm_at: expected more than 0, at most 1, got {config.nats.alarm_at}")
    clip = config.shadow_evaluator.weight_clip
    if clip is not None and not (math.isfinite(clip) and clip >= 1.0):
        problems.append(f"shadow_evaluator.weight_clip: expected at least 1, got {clip}")
    if not 0 <= config.gateway.port <= 65535:
        problems.append(f"gateway.port: expected 0 to 65535, got {config.gateway.port}")
    if config.log.level not in ("debug", "info", "warning", "error"):
        problems.append(f"log.level: expected debug, info, warning or error, got {config.log.level!r}")
    if config.log.format not in ("auto", "json", "text"):
        problems.append(f"log.format: expected auto, json or text, got {config.log.format!r}")
    return problems
