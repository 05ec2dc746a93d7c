"""``pointsman init``: the command and its options."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pointsman.cli.errors import CommandFailed

if TYPE_CHECKING:
    from pointsman.cli.devtools.init.plan import Choice, Plan
    from pointsman.cli.options import Subparsers

DEFAULT_OUTPUT = "pointsman.toml"


def add_init(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "init",
        help="write a configuration for the LLM gateway",
        description="Looks for model servers on this machine and for keys in the environment, asks what to use (on a "
        "terminal), and writes a configuration with tiers for easy and demanding requests. Keys are never asked for or "
        "written: only the names of their variables are.",
    )
    parser.add_argument(
        "--provider",
        metavar="NAME",
        action="append",
        default=[],
        help="as openai, anthropic, ollama, or any name with a --base-url; may be given more than once",
    )
    parser.add_argument(
        "--tier",
        metavar="NAME=ARM,…",
        action="append",
        default=[],
        help="a tier and its arms, as SIMPLE=ollama:llama3.2,openai:gpt-4o-mini; the least demanding first",
    )
    parser.add_argument(
        "--base-url", metavar="NAME=URL", action="append", default=[], help="where the provider of that name is"
    )
    parser.add_argument(
        "--key-env", metavar="NAME=VARIABLE", action="append", default=[], help="the variable that holds its key"
    )
    parser.add_argument("--yes", action="store_true", help="ask nothing: take what is suggested")
    parser.add_argument(
        "--output", metavar="F", type=Path, default=Path(DEFAULT_OUTPUT), help="file to write (default: %(default)s)"
    )
    parser.add_argument("--force", action="store_true", help="write over a file that is there")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the file; return the exit code."""
    from pointsman.cli.devtools.init.plan import make_plan  # noqa: PLC0415  # slow to import, and not needed for --help
    from pointsman.cli.devtools.init.writing import write_toml  # noqa: PLC0415

    output: Path = options.output
    if output.exists() and not options.force:
        raise CommandFailed(f"{output} is there already; name another with --output, or write over it with --force", 2)
    try:
        choices, tiers = _choose(options)
    except EOFError as error:
        raise CommandFailed("nothing is written: the answers ended", 2) from error
    plan = make_plan(choices, tiers)
    text = write_toml(plan)
    _refuse_what_is_wrong(text)
    _write(output, text, options.force)
    _tell(output, plan)
    return 0


def _choose(options: argparse.Namespace) -> tuple[list[Choice], dict[str, list[str]]]:
    """Return the providers and the tiers, by the options and by asking for what they leave open."""
    from pointsman.cli.devtools.init import questions  # noqa: PLC0415
    from pointsman.cli.devtools.init.local_servers import find_local  # noqa: PLC0415
    from pointsman.cli.devtools.init.plan import Choice, ready_providers, suggested_tiers  # noqa: PLC0415

    tiers = {name: _arms(name, value) for name, value in _pairs("--tier", options.tier).items()}
    addresses = _pairs("--base-url", options.base_url)
    variables = _pairs("--key-env", options.key_env)
    of_arms = [arm.partition(":")[0] for arms in tiers.values() for arm in arms]
    names = list(dict.fromkeys([*options.provider, *of_arms, *addresses, *variables]))
    asking = not options.yes and sys.stdin.isatty()
    local = {} if tiers and names else find_local(addresses)
    if not names:
        ready = ready_providers(local, os.environ)
        names = questions.ask_providers(input, local, ready) if asking else ready
    if not names:
        raise CommandFailed(
            "no model server answers here and no provider's key is in the environment; name a --provider", 2
        )
    choices = [Choice(name, addresses.get(name), variables.get(name)) for name in names]
    if asking:
        choices = [questions.ask_address(input, choice) for choice in choices]
    if lost := [choice.name for choice in choices if choice.needs_address]:
        raise CommandFailed(f"where is {lost[0]}? Say it with --base-url {lost[0]}=https://…", 2)
    if not tiers:
        tiers = questions.ask_tiers(input, names, local) if asking else suggested_tiers(names, local)
        if not all(tiers.values()):
            empty = next(name for name, arms in tiers.items() if not arms)
            raise CommandFailed(
                f"nothing is known of the models of {', '.join(names)}; name them with --tier {empty}=provider:model", 2
            )
    return choices, tiers


def _arms(tier: str, value: str) -> list[str]:
    from pointsman.cli.devtools.init.questions import arms_problem  # noqa: PLC0415

    arms = [arm.strip() for arm in value.split(",") if arm.strip()]
    if problem := arms_problem(arms):
        raise CommandFailed(f"--tier {tier}: {problem}", 2)
    return arms


def _pairs(option: str, texts: list[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise CommandFailed(f"{option}: expected NAME=VALUE, got {text!r}", 2)
        if name in pairs:
            raise CommandFailed(f"{option}: {name} is given twice", 2)
        pairs[name] = value
    return pairs


def _refuse_what_is_wrong(text: str) -> None:
    """Read the text as every service would; raise what they would say, in the words of the configuration."""
    from pointsman.contracts.config import ConfigError, load_config  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / DEFAULT_OUTPUT
        file.write_text(text, encoding="utf-8")
        try:
            load_config(file, {})
        except ConfigError as error:
            raise CommandFailed(
                "\n  ".join(["nothing is written, because it would not be right:", *error.problems]), 2
            ) from error


def _write(output: Path, text: str, force: bool) -> None:
    try:
        with output.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise CommandFailed(f"{output} is there already; write over it with --force", 2) from error
    except OSError as error:
        raise CommandFailed(f"cannot write {output}: {error.strerror or error}") from error


def _tell(output: Path, plan: Plan) -> None:
    from pointsman.cli.devtools.init.plan import unset_variables  # noqa: PLC0415

    print(f"wrote {output}")
    for name, arms in plan.tiers.items():
        print(f"  tier {name}: {', '.join(arms)}")
        if len(arms) == 1:
            print("    one arm: it serves, and there is nothing to learn until it has a second")
    missing = unset_variables(plan, os.environ)
    for provider, variable in missing:
        print(f"  {variable} is not set: {provider} cannot be asked until it is in the environment of the gateway")
    where = "" if output == Path(DEFAULT_OUTPUT) else f" --config {output}"
    print(f"next: pointsman up{where}; beside it, pointsman doctor{where} tries every model")
