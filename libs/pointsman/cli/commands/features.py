"""The command ``pointsman features``: the features and the tier of a prompt, to choose the bounds of ``auto``."""

import argparse
import json
import sys
from typing import Any

from pointsman.cli.errors import CommandFailed
from pointsman.cli.options import add_config_option, config_file, read_config
from pointsman.contracts.config import Config, ConfigError, request_extractor
from pointsman.core.features import CHAT_NAMES, ExtractionFailed, TierScore, chat_features, view_request


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = "Shows the features of a chat request by name, its score for `auto`, and the tier it selects."
    parser.add_argument("text", metavar="TEXT", help="a prompt, or a whole request as JSON; - reads it from the input")
    parser.add_argument("--anthropic", action="store_true", help="the request is for /v1/messages")
    add_config_option(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    body = _body(sys.stdin.read() if options.text == "-" else options.text)
    view = view_request(body, "anthropic" if options.anthropic else "openai")
    config = read_config(options) if config_file(options) else None
    score = config.llm.tier_score([tier.name for tier in config.tier]) if config else TierScore([], "")
    features = chat_features(view)
    print(f"{'':<12}  feature  weight   score")
    for name, value, weight in zip(CHAT_NAMES, features, score.weights, strict=True):
        print(f"{name:<12}  {value:7.3f}  {weight:6.2f}  {value * weight:6.3f}")
    total = score.score(features)
    print(f"{'auto':<12}  {'':7}  {'':6}  {total:6.3f}{f'  tier {score.tier(total)}' if config else ''}")
    if config and config.llm.features not in (None, "chat"):
        extractor = _extractor(config)
        try:
            context = extractor.extract(view)
        except ExtractionFailed as error:
            raise CommandFailed(str(error)) from error
        print(f"\nthe context of {extractor.label}:")
        for name, value in zip(extractor.names, context, strict=True):
            print(f"{name:<12}  {value:7.3f}")
    return 0


def _extractor(config: Config) -> Any:
    try:
        return request_extractor(config)
    except ConfigError as error:
        raise CommandFailed("\n  ".join(error.problems), code=2) from error


def _body(text: str) -> dict[str, Any]:
    """Return the request that the text contains as JSON, or a request with the text as its message."""
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    if isinstance(body, dict) and "messages" in body:
        return body
    return {"messages": [{"role": "user", "content": text}]}
