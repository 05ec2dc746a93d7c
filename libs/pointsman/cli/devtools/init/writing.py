"""A plan as the text of ``pointsman.toml``."""

from __future__ import annotations

import json

from pointsman.cli.devtools.init.local_servers import LOCAL
from pointsman.cli.devtools.init.plan import Plan
from pointsman.contracts.config.providers import PROVIDER_KINDS, ProviderConfig, with_defaults

_HEAD = """\
# Pointsman's configuration, written by `pointsman init`. All settings: docs/reference/configuration.md
#
#   pointsman config check     is it right, and what does it say?
#   pointsman doctor           does every provider answer?
#   pointsman up               start; then point an OpenAI client at http://127.0.0.1:{port}/v1
#
# Keys stand in the environment of the gateway, never here.

[context]
dim = 12                    # the features that are counted from a chat request

[reward]                    # clamp(quality − λ·100·norm(cost) − μ·100·norm(latency), 0, 100)
lambda_cost = 0.3
mu_latency = 0.1
normalizer = "minmax"

[policy]
algorithm = "linucb"
alpha = 1.5
epsilon = 0.05              # one request in 20 explores, so that every model keeps a known chance
"""


def write_toml(plan: Plan) -> str:
    """Return the text."""
    parts = [_HEAD.format(port=plan.port)]
    if plan.port != 8080:
        parts.append(f"\n[gateway]\nport = {plan.port}                 # llama.cpp has 8080\n")
    parts.append(_llm(plan))
    for name, arms in plan.tiers.items():
        listed = "".join(f"    {_text(arm)},\n" for arm in arms)
        parts.append(f"\n[[tier]]                    # clients ask for it as the model tier/{name}\n")
        parts.append(f"name = {_text(name)}\narms = [\n{listed}]\n")
    parts += [_provider(section) for section in plan.providers]
    parts += [
        f"\n[[price]]                   # on a machine of your own; what hosted models cost is known\n"
        f"provider = {_text(section.name)}\nfree = true\n"
        for section in plan.providers
        if section.name in LOCAL
    ]
    parts.append(
        '\n[[shadow]]                  # never served, only compared: pointsman compare\nname = "cheapest"\n'
        'algorithm = "cheapest"\n'
    )
    return "".join(parts)


def _llm(plan: Plan) -> str:
    lines = [
        "\n[llm]",
        'unknown_model = "auto"      # any other model that a client names is `auto`, so that clients need no change',
        f"default_tier = {_text(next(iter(plan.tiers)))}",
    ]
    if len(plan.tiers) > 1:
        for name, below in plan.bounds:
            lines += [
                "",
                "[[llm.auto]]                # by how demanding a request looks, 0 to 1: docs/reference/features.md",
            ]
            lines += [f"tier = {_text(name)}"] + ([f"below = {below}"] if below is not None else [])
    return "\n".join(lines) + "\n"


def _provider(section: ProviderConfig) -> str:
    known = with_defaults(section)
    about = [known.base_url] if section.base_url is None and known.base_url else []
    if known.api_key_env and section.api_key_env is None:
        about.append(f"key in {known.api_key_env}")
    credentials = PROVIDER_KINDS[known.kind or "openai"].own_credentials
    if credentials:
        about.append(credentials)
    comment = f"# {', '.join(about)}\n" if about else ""
    lines = [f"{name} = {_text(value)}" for name in _WRITTEN if (value := getattr(section, name)) is not None]
    return f"\n[[provider]]\n{comment}" + "\n".join(lines) + "\n"


_WRITTEN = ("name", "base_url", "api_key_env")


def _text(value: str) -> str:
    """Return a TOML string: what JSON writes of printable text is one."""
    return json.dumps(value, ensure_ascii=False)
