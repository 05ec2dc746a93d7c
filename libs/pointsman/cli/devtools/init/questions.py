"""Questions on a terminal."""

from collections.abc import Callable, Mapping, Sequence

from pointsman.cli.devtools.init.plan import MOCK, ChosenProvider, suggested_tiers
from pointsman.contracts.config.providers import WELL_KNOWN
from pointsman.core.bandit import ArmError
from pointsman.core.bandit.arm import Arm

Ask = Callable[[str], str]
"""Shows a text and returns what was typed; `input` on a terminal."""


def ask_providers(ask: Ask, local: Mapping[str, Sequence[str]], ready: Sequence[str]) -> list[str]:
    """Ask for the providers. ``local`` has the models of the local servers; ``ready`` is the default."""
    for name, models in local.items():
        shown = ", ".join(models[:6]) + (f" and {len(models) - 6} more" if len(models) > 6 else "")
        print(f"{name} runs here with {shown or 'no models yet'}")
    print(f"Providers: {', '.join((*WELL_KNOWN, MOCK))}, or any name for another OpenAI-compatible one.")
    while True:
        names = _split(_ask_with_default(ask, "Which ones", ", ".join(ready)))
        wrong = [name for name in names if ":" in name or len(name) > 64 or not name.isprintable()]
        if names and not wrong:
            return names
        print("  expected names, separated by commas" + (f"; {wrong[0]!r} cannot be one" if wrong else ""))


def ask_address(ask: Ask, choice: ChosenProvider) -> ChosenProvider:
    """Ask for the unknown base URL of a provider and the variable of its key."""
    if not choice.needs_address:
        return choice
    base_url = _ask_with_default(ask, f"Where is {choice.name} (as https://host/v1)", "")
    variable = choice.api_key_env
    if choice.name not in WELL_KNOWN and variable is None:
        variable = _ask_with_default(ask, f"The environment variable with the key of {choice.name} (- for none)", "-")
    return ChosenProvider(choice.name, base_url or None, None if variable == "-" else variable)


def ask_tiers(ask: Ask, names: Sequence[str], local: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Ask for the arms of each tier."""
    uses = {"SIMPLE": "easy requests", "COMPLEX": "demanding ones"}
    tiers = {}
    print("Arms are provider:model, separated by commas. With several arms Pointsman learns which one serves best.")
    for tier, arms in suggested_tiers(names, local).items():
        while True:
            chosen = _split(_ask_with_default(ask, f"Arms of {tier} ({uses[tier]})", ", ".join(arms)))
            problem = arms_problem(chosen)
            if not problem:
                break
            print(f"  {problem}")
        tiers[tier] = chosen
    return tiers


def arms_problem(arms: Sequence[str]) -> str:
    """Return the problem of the arms of a tier; empty when there is none."""
    if not arms:
        return "expected at least one arm, as ollama:llama3.2"
    for arm in arms:
        try:
            Arm.parse(arm)
        except ArmError as error:
            return str(error)
    return ""


def _ask_with_default(ask: Ask, question: str, suggestion: str) -> str:
    shown = f" [{suggestion}]" if suggestion else ""
    return ask(f"{question}{shown}: ").strip() or suggestion


def _split(text: str) -> list[str]:
    return list(dict.fromkeys(part for part in (part.strip() for part in text.split(",")) if part))
