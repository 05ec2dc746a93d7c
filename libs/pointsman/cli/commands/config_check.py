"""The command ``pointsman config check``: report problems of the configuration, or its effective settings."""

import argparse
import os
from collections.abc import Iterator

from pointsman.cli.commands.policies_in_force import compare_with_running
from pointsman.cli.errors import CommandFailed
from pointsman.cli.options import add_config_option, config_file, read_config
from pointsman.contracts.config import (
    Config,
    ConfigError,
    exposure_problems,
    keys_required,
    length_problem,
    request_extractor,
    tier_arms,
)
from pointsman.contracts.config.connections import NatsConfig, RedisConfig
from pointsman.contracts.config.providers import provider_named
from pointsman.contracts.config.tiers import static_problem
from pointsman.contracts.messages.exploration import determinism_warning
from pointsman.contracts.messages.precedence import describe
from pointsman.core.bandit import Arm
from pointsman.llm.effort import intended_effort
from pointsman.llm.providers.efforts.effort import EffortNotAvailable
from pointsman.llm.providers.kinds import model_of_arm

_NOT_OVERRIDES = ("POINTSMAN_API_KEY", "POINTSMAN_CONFIG", "POINTSMAN_DATA_DIR")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions."""
    parser.description = "Checks the configuration."
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    check = actions.add_parser(
        "check",
        help="list every problem, or the effective settings",
        description="Lists every problem of the configuration and exits with 2, or the effective settings and exits "
        "with 0. If the gateway of the configuration answers, it also reports which policies are in force; an API key "
        "with the scope read is read from POINTSMAN_API_KEY.",
    )
    add_config_option(check)
    check.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    config = read_config(options)
    problems = exposure_problems(config)
    try:
        chat = _chat(config)
    except ConfigError as error:
        problems += error.problems
    if problems:
        raise CommandFailed("\n  ".join(["the gateway would not start:", *problems]), code=2)
    print(f"{config_file(options)} is valid. Effective settings:")
    lines = _summary(config, chat)
    width = max(len(name) for name, _ in lines)
    for name, value in lines:
        print(f"  {name:<{width}}  {value}")
    for warning in _warnings(config):
        print(f"warning: {warning}")
    for line in compare_with_running(config):
        print(line)
    return 0


def _warnings(config: Config) -> Iterator[str]:
    """Yield what is allowed and most likely not meant."""
    for tier in config.tier:
        if warning := determinism_warning(config.active(tier)):
            yield f"tier {tier.name}: {warning}"
        for shadow in config.shadows(tier):
            if problem := static_problem(shadow.algorithm, tier.name, tier_arms(tier)):
                yield f"shadow {shadow.name}: {problem}, where it chooses the first candidate; name its tiers"
    if unserved := _unserved(config):
        yield f"chat requests cannot go to {', '.join(unserved)}: there is no [[provider]] of that name"
    yield from _effort_warnings(config)
    known = {arm for tier in config.tier for arm in tier.arms or []}
    unknown = [arm for arm in config.cost_usd if arm not in known]
    if unknown and all(tier.arms for tier in config.tier):
        yield f"[cost_usd] names {', '.join(unknown)}, which no tier has"


def _unserved(config: Config) -> list[str]:
    """Return the arms without a known provider. ``/v1/decisions`` accepts them: there an arm is only a name."""
    return [str(arm) for arm in _arms(config) if provider_named(config.provider, arm.provider) is None]


def _effort_warnings(config: Config) -> Iterator[str]:
    """Yield the arms whose provider does not have their effort, and those whose name seems to have one."""
    for arm in _arms(config):
        provider = provider_named(config.provider, arm.provider)
        if provider is None:
            continue
        try:
            model_of_arm(provider, arm.model)
        except EffortNotAvailable as error:
            yield f"chat requests cannot go to {arm}: {error}"
        if (effort := intended_effort(arm.model)) is not None and arm.model not in provider.models:
            name = arm.model.rpartition("@")[0]
            yield f"{arm} is a model of that name, not an effort of {name}; if it should be one, write {name}@{effort}"


def _arms(config: Config) -> dict[Arm, None]:
    return dict.fromkeys(arm for tier in config.tier for arm in tier_arms(tier))


def _summary(config: Config, chat: str) -> list[tuple[str, str]]:
    reward = config.reward
    lines = [
        ("context", f"{config.context.dim} features; other lengths are {_MISMATCH[config.context.mismatch]}"),
        ("reward", f"λ {reward.lambda_cost:g} on cost, μ {reward.mu_latency:g} on latency, {reward.normalizer} scale"),
    ]
    for tier in config.tier:
        arms = ", ".join(tier.arms or []) or "the candidates of each request"
        lines.append((f"tier {tier.name}", f"{describe(config.active(tier))} over {arms}"))
        lines += [("", f"shadow {describe(shadow)}") for shadow in config.shadows(tier)]
    lines += [
        ("chat", chat),
        ("gateway", f"{config.gateway.scheme}://{config.gateway.host}:{config.gateway.port}, {_access(config)}"),
        ("NATS", _connection(config.nats)),
        ("store", _connection(config.redis)),
    ]
    overrides = [name for name in sorted(os.environ) if name.startswith("POINTSMAN_") and name not in _NOT_OVERRIDES]
    return lines + [("override", name) for name in overrides]


def _chat(config: Config) -> str:
    extractor = request_extractor(config)
    if problem := length_problem(config, extractor):
        return f"refused: {problem}"
    bounds = [f"{tier.tier} below {tier.below:g}" for tier in config.llm.auto if tier.below is not None]
    rest = next((tier.tier for tier in config.llm.auto if tier.below is None), None)
    rest = rest or config.llm.default_tier or config.tier[0].name
    return f"features {extractor.label}; the model auto is {', '.join([*bounds, f'else {rest}' if bounds else rest])}"


_MISMATCH = {"reject": "refused", "pad": "padded or cut"}


def _access(config: Config) -> str:
    if not keys_required(config):
        return "without API keys: open to all clients"
    sources = [f"{len(config.api_key)} here"] if config.api_key else []
    if config.gateway.keys_file:
        sources.append(f"those in {config.gateway.keys_file}")
    return f"with API keys: {' and '.join(sources)}"


def _connection(server: NatsConfig | RedisConfig) -> str:
    return f"{server.public_url} as {server.user}" if server.user else server.public_url
