"""``pointsman policies --lambda-cost``: what the arms of a tier would score under other weights of cost and latency."""

import argparse
from typing import Any

from rich.table import Column, Table

from pointsman.cli.console import PrintableConsole
from pointsman.cli.gateway import call_gateway, print_json
from pointsman.cli.target import Target
from pointsman.core.printable import one_line

WEIGHTS = {"lambda_cost": "λ", "mu_latency": "μ"}
"""The weights as options and fields, and their symbols."""


def add_weight_options(parser: argparse.ArgumentParser) -> None:
    """Add an option for each weight."""
    for name, symbol in WEIGHTS.items():
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            metavar=symbol,
            type=float,
            help=f"what if: print what each arm would score for the tier's average request with this {symbol}",
        )


def asked_weights(options: argparse.Namespace) -> dict[str, float]:
    """Return the weights that the options give, by field."""
    return {name: value for name in WEIGHTS if (value := getattr(options, name)) is not None}


def print_what_if(target: Target, tiers: list[str], weights: dict[str, float], *, as_json: bool) -> None:
    """Print the scores now and with the weights; nothing is changed."""
    bodies: list[dict[str, Any]] = [{"tier": tier, "average": True} for tier in tiers]
    pairs = [
        (call_gateway(target, "/v1/try", body).json(), call_gateway(target, "/v1/try", body | weights).json())
        for body in bodies
    ]
    if as_json:
        print_json([{"tier": now["tier"], "now": now, "what_if": then} for now, then in pairs])
        return
    table = Table(*(Column(name, overflow="fold") for name in ("tier", "arm")))
    for name in ("outcomes", "score now", "chosen now", "score then", "chosen then"):
        table.add_column(name, justify="right")
    for now, then in pairs:
        for before, after in zip(now["scores"], then["scores"], strict=True):
            arm = f"{before['provider']}:{before['model']}"
            row = [f"{before['pulls']:,}", *_describe(before), *_describe(after)]
            table.add_row(*map(one_line, (now["tier"], arm, *row)))
    console = PrintableConsole(highlight=False, markup=False)
    console.print(table)
    for now, then in pairs:
        changed = f"{_weights(now)} now, {_weights(then)} then"
        console.print(one_line(f"{now['tier']}, policy {now['policy']}: the average request; {changed}"))


def _describe(score: dict[str, Any]) -> tuple[str, str]:
    return f"{100.0 * score['ucb']:.1f}", f"{score['probability']:.1%}"


def _weights(scoring: dict[str, Any]) -> str:
    return ", ".join(f"{symbol} {scoring['weights'][name]:g}" for name, symbol in WEIGHTS.items())
