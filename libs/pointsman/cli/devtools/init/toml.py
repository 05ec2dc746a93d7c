"""Text of ``pointsman.toml`` for a plan."""

import json

from pointsman.cli.devtools.init.local_servers import LOCAL
from pointsman.cli.devtools.init.plan import MOCK, InitPlan
from pointsman.contracts.config.providers import PROVIDER_KINDS, ProviderConfig, with_defaults
from pointsman.core.features import CHAT_NAMES, MEANING_DIM, meaning_is_installed

_HEAD = """\
# Pointsman's configuration, written by `pointsman init`. All settings: docs/reference/configuration.md
#
#   pointsman config check     check it and show the effective settings
#   pointsman doctor           check that every provider responds
#   pointsman up               start; then point an OpenAI client at http://127.0.0.1:{port}/v1
#
# API keys are read from the environment of the gateway; they are never written here.

[context]
dim = {dim}                    # the features of a chat request

[reward]                    # clamp(quality − λ·100·norm(cost) − μ·100·norm(latency), 0, 100)
lambda_cost = 0.3
mu_latency = 0.1
normalizer = "quantile"     # costs and latencies on a scale that outliers do not move

[policy]
algorithm = "scaled-linucb"  # optimistic about new models; explores less the more it knows, at a bounded cost
"""


def write_toml(plan: InitPlan) -> str:
    """Return the text of the configuration."""
    dim = MEANING_DIM if meaning_is_installed() else len(CHAT_NAMES)
    parts = [_HEAD.format(port=plan.port, dim=dim)]
    if plan.port != 8080:
        parts.append(f"\n[gateway]\nport = {plan.port}                 # llama.cpp has 8080\n")
    parts.append(_llm(plan))
    for name, arms in plan.tiers.items():
        listed = "".join(f"    {_text(arm)},\n" for arm in arms)
        parts.append(f"\n[[tier]]                    # clients request it as the model tier/{name}\n")
        parts.append(f"name = {_text(name)}\narms = [\n{listed}]\n")
    parts += [_provider(section) for section in plan.providers]
    parts += [
        f"\n[[price]]                   # runs on your machine; the prices of hosted models are known\n"
        f"provider = {_text(section.name)}\nfree = true\n"
        for section in plan.providers
        if section.name in (*LOCAL, MOCK)
    ]
    parts.append(
        '\n[[shadow]]                  # never served, only compared: pointsman compare\nname = "cheapest"\n'
        'algorithm = "cheapest"\n'
    )
    return "".join(parts)


def _llm(plan: InitPlan) -> str:
    lines = [
        "\n[llm]",
        'unknown_model = "auto"      # a client that names another model gets `auto`, so clients need no change',
        f"default_tier = {_text(next(iter(plan.tiers)))}",
    ]
    if meaning_is_installed():
        lines.append('features = "meaning"        # what a prompt is about, and its form: docs/reference/features.md')
    if len(plan.tiers) > 1:
        for name, below in plan.bounds:
            lines += [
                "",
                "[[llm.auto]]                # by the score of a request, 0 to 1: docs/reference/features.md",
            ]
            lines += [f"tier = {_text(name)}"] + ([f"below = {below}"] if below is not None else [])
    return "\n".join(lines) + "\n"


def _provider(section: ProviderConfig) -> str:
    known = with_defaults(section)
    notes = [known.base_url] if section.base_url is None and known.base_url else []
    if known.api_key_env and section.api_key_env is None:
        notes.append(f"key in {known.api_key_env}")
    if credentials := PROVIDER_KINDS[known.kind or "openai"].own_credentials:
        notes.append(credentials)
    comment = f"# {', '.join(notes)}\n" if notes else ""
    lines = [f"{name} = {_text(value)}" for name in _WRITTEN if (value := getattr(section, name)) is not None]
    return f"\n[[provider]]\n{comment}" + "\n".join(lines) + "\n"


_WRITTEN = ("name", "base_url", "api_key_env")


def _text(value: str) -> str:
    """Return a TOML string; the JSON form of printable text is one."""
    return json.dumps(value, ensure_ascii=False)
