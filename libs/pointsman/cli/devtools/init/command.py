"""Options and steps of ``pointsman init``."""

import argparse
import os
import shlex
import sys
import tempfile
from pathlib import Path

from pointsman.cli.devtools.init import questions
from pointsman.cli.devtools.init.local_servers import find_local_models
from pointsman.cli.devtools.init.plan import (
    MOCK,
    MOCK_ADDRESS,
    ChosenProvider,
    InitPlan,
    make_plan,
    ready_providers,
    suggested_tiers,
    unset_variables,
)
from pointsman.cli.devtools.init.toml import write_toml
from pointsman.cli.errors import CommandFailed
from pointsman.cli.options import command_name
from pointsman.contracts.config import ConfigError, load_config

DEFAULT_OUTPUT = "pointsman.toml"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        "Looks for model servers on this machine and for API keys in the environment, asks which to use (on a "
        "terminal), and writes a configuration with tiers for easy and demanding requests. It never reads or writes a "
        "key, only the name of its variable."
    )
    parser.add_argument(
        "--provider",
        metavar="NAME",
        action="append",
        default=[],
        help="openai, anthropic, ollama …, or any name with a --base-url; may be given more than once",
    )
    parser.add_argument(
        "--tier",
        metavar="NAME=ARM,…",
        action="append",
        default=[],
        help="a tier and its arms, as SIMPLE=ollama:llama3.2,openai:gpt-4o-mini; the tier for easy requests first",
    )
    parser.add_argument(
        "--base-url", metavar="NAME=URL", action="append", default=[], help="base URL of the provider with that name"
    )
    parser.add_argument(
        "--key-env", metavar="NAME=VARIABLE", action="append", default=[], help="environment variable with its key"
    )
    parser.add_argument("--yes", action="store_true", help="ask no questions: use the suggestions")
    parser.add_argument(
        "--output", metavar="F", type=Path, default=Path(DEFAULT_OUTPUT), help="file to write (default: %(default)s)"
    )
    parser.add_argument("--force", action="store_true", help="overwrite an existing file")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the file; return the exit code."""
    output: Path = options.output
    if output.exists() and not options.force:
        raise CommandFailed(f"{output} exists already; name another with --output, or overwrite it with --force", 2)
    try:
        choices, tiers = _choose(options)
    except EOFError as error:
        raise CommandFailed("nothing was written: the input ended", 2) from error
    plan = make_plan(choices, tiers)
    text = write_toml(plan)
    _validate(text)
    _write(output, text, options.force)
    _print_summary(output, plan)
    return 0


def _choose(options: argparse.Namespace) -> tuple[list[ChosenProvider], dict[str, list[str]]]:
    """Return the providers and the tiers from the options; ask for what they do not determine."""
    tiers = {name: _arms(name, value) for name, value in _pairs("--tier", options.tier).items()}
    addresses = _pairs("--base-url", options.base_url)
    variables = _pairs("--key-env", options.key_env)
    providers = [arm.partition(":")[0] for arms in tiers.values() for arm in arms]
    names = list(dict.fromkeys([*options.provider, *providers, *addresses, *variables]))
    asking = not options.yes and sys.stdin.isatty()
    local = {} if tiers and names else find_local_models(addresses)
    if not names:
        ready = ready_providers(local, os.environ)
        if not ready:
            print("No model server responds here, and no API key of a provider is in the environment.")
            ready = [MOCK]
        names = questions.ask_providers(input, local, ready) if asking else ready
    choices = [ChosenProvider(name, addresses.get(name), variables.get(name)) for name in names]
    if asking:
        choices = [questions.ask_address(input, choice) for choice in choices]
    if unknown := [choice.name for choice in choices if choice.needs_address]:
        raise CommandFailed(
            f"the base URL of {unknown[0]} is unknown; give it with --base-url {unknown[0]}=https://…", 2
        )
    if not tiers:
        tiers = questions.ask_tiers(input, names, local) if asking else suggested_tiers(names, local)
        if not all(tiers.values()):
            empty = next(name for name, arms in tiers.items() if not arms)
            raise CommandFailed(
                f"the models of {', '.join(names)} are unknown; name them with --tier {empty}=provider:model", 2
            )
    return choices, tiers


def _arms(tier: str, value: str) -> list[str]:
    arms = [arm.strip() for arm in value.split(",") if arm.strip()]
    if problem := questions.arms_problem(arms):
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


def _validate(text: str) -> None:
    """Load the text as a service would; raise its problems."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / DEFAULT_OUTPUT
        file.write_text(text, encoding="utf-8")
        try:
            load_config(file, {})
        except ConfigError as error:
            raise CommandFailed(
                "\n  ".join(["nothing was written, because it would be invalid:", *error.problems]), 2
            ) from error


def _write(output: Path, text: str, force: bool) -> None:
    try:
        with output.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise CommandFailed(f"{output} exists already; overwrite it with --force", 2) from error
    except OSError as error:
        raise CommandFailed(f"cannot write {output}: {error.strerror or error}") from error


def _print_summary(output: Path, plan: InitPlan) -> None:
    print(f"wrote {output}")
    for name, arms in plan.tiers.items():
        print(f"  tier {name}: {', '.join(arms)}")
        if len(arms) == 1:
            print("    one arm: there is nothing to learn until it has a second")
    missing = unset_variables(plan, os.environ)
    for provider, variable in missing:
        print(f"  {variable} is not set: {provider} does not work until it is in the environment of the gateway")
    command = command_name()
    where = "" if output == Path(DEFAULT_OUTPUT) else f" --config {shlex.quote(str(output))}"
    mock = [section for section in plan.providers if section.name == MOCK and section.base_url == MOCK_ADDRESS]
    if mock:
        print("  the provider mock sends test answers, so that you can try everything without a model")
        print("  for real models: start Ollama, or set OPENAI_API_KEY or ANTHROPIC_API_KEY, and run this command again")
        print("  with --force")
    print("next:")
    if mock:
        print(f"  {command} mock-provider    in one terminal")
    print(f"  {command} up{where}    in {'another' if mock else 'one'} terminal")
    print(f"  {command} doctor{where}    tries every model")
    print(f"then send chat requests to http://127.0.0.1:{plan.port}/v1 with the model auto")
