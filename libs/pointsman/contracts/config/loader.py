"""Loading of the configuration: the file, then the environment, then every check. All problems are reported at once.

A setting ``[section] key`` is overridden by ``POINTSMAN_SECTION_KEY``, for example ``POINTSMAN_NATS_URL`` or
``POINTSMAN_POLICY_EPSILON``. The value is parsed as TOML if possible, else used as text. ``POINTSMAN_CONFIG`` names the
file. Lists of tables (``[[tier]]``, ``[[shadow]]``, …) can be set in the file only.
"""

import difflib
import hashlib
import os
import tomllib
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from pointsman.contracts.config.connections import with_password
from pointsman.contracts.config.errors import ConfigError
from pointsman.contracts.config.partial import PartialBuilder
from pointsman.contracts.config.schema import Config
from pointsman.contracts.config.section import Section
from pointsman.contracts.config.tiers import TierConfig
from pointsman.contracts.messages.codec import encode
from pointsman.core.violations import Violation, find_violations

PREFIX = "POINTSMAN_"
DEFAULT_FILE = "pointsman.toml"
NOT_SETTINGS = frozenset({"API_KEY", "CONFIG", "DATA_DIR"})
"""Variables of the command line that are not settings."""

ALTERNATIVES = {"password": "password_file", "password_file": "password"}
"""Settings that exclude each other: one in the environment replaces the other one in the file."""

_SECTIONS = {field.name: field for field in msgspec.structs.fields(Config)}


def load_config(path: Path | str | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """Load and check the configuration.

    Parameters
    ----------
    path : path, optional
        The file; by default ``$POINTSMAN_CONFIG``, else ``pointsman.toml`` if it exists.
    environ : mapping, optional
        The environment; ``os.environ`` by default.

    Raises
    ------
    ConfigError
        With all problems.
    """
    environ = os.environ if environ is None else environ
    chosen = path or environ.get(PREFIX + "CONFIG")
    file = Path(chosen) if chosen else Path(DEFAULT_FILE)
    tables: dict[str, Any] = {}
    if chosen or file.exists():
        try:
            tables = tomllib.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            source = "" if path else f"{PREFIX}CONFIG: "
            raise ConfigError([f"{source}{file}: {error.strerror or error}"]) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError([f"{file}: {error}"]) from error
    variables, problems = _apply_environment(tables, environ)
    config, violations = _build(tables)
    problems += [_with_source(violation, variables) for violation in violations]
    of_passwords: list[str] = []
    config = msgspec.structs.replace(
        config,
        nats=with_password(config.nats, "nats", of_passwords),
        redis=with_password(config.redis, "redis", of_passwords),
    )
    problems += [_with_source(Violation(*problem.split(": ", 1)), variables) for problem in of_passwords]
    if problems:
        raise ConfigError(problems)
    return config


def _build(tables: dict[str, Any]) -> tuple[Config, list[Violation]]:
    """Return the configuration, and everything that is wrong with it."""
    builder = PartialBuilder()
    violations: list[Violation] = []
    sections: dict[str, Any] = {}
    for name, table in tables.items():
        if name not in _SECTIONS:
            violations.append(Violation(name, "unknown section"))
            continue
        expected = _SECTIONS[name].type
        for path, detail in find_violations(table, expected, name):
            violations.append(Violation(path, detail.replace("expected an object", "expected a table")))
        try:
            sections[name] = builder.build(table, expected, name)
        except msgspec.ValidationError:
            builder.replaced.add(name)
    config = Config(**sections)
    known = {violation.path for violation in violations}
    violations += [violation for violation in builder.violations if violation.path not in known]
    tiers_known = "tier" not in builder.replaced and all(tier.name for tier in config.tier)
    checks = chain(
        *(section_problems(getattr(config, name), name) for name in sections),
        config.problems(),
        config.tier_references() if tiers_known else (),
    )
    # No second problem of the same setting, and none that may be a consequence of a replaced value.
    violations += [found for found in checks if found.path not in known and not builder.concerns_replaced(found.path)]
    return config, violations


def digest(config: Config, tier: TierConfig) -> str:
    """Return a digest of the configured policies of a tier."""
    return hashlib.sha256(encode([config.active(tier), config.shadows(tier)])).hexdigest()[:16]


def _with_source(violation: Violation, variables: Mapping[str, str]) -> str:
    """Return the problem as text, beginning with the environment variable if the value is from one."""
    setting = ".".join(violation.path.replace("[", ".").split(".")[:2])
    return f"{variables[setting]}: {violation}" if setting in variables else str(violation)


def _apply_environment(tables: dict[str, Any], environ: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Write the variables into the tables of the file; return each variable by its setting, and the problems."""
    variables, problems = {}, []
    for variable in sorted(name for name in environ if name.startswith(PREFIX)):
        rest = variable.removeprefix(PREFIX)
        if rest in NOT_SETTINGS:
            continue
        lowered = rest.lower()
        section = next((s for s in sorted(_SECTIONS, key=len, reverse=True) if lowered.startswith(s + "_")), None)
        key = lowered.removeprefix(f"{section}_") if section else ""
        default = _SECTIONS[section].default if section else msgspec.NODEFAULT
        if section is None or key not in getattr(default, "__struct_fields__", ()):
            problems.append(f"{variable}: unknown setting{_suggestion(rest)}")
            continue
        variables[f"{section}.{key}"] = variable
        table = tables.setdefault(section, {})
        if isinstance(table, dict):  # anything else is reported when the section is checked
            if key in ALTERNATIVES:
                table.pop(ALTERNATIVES[key], None)
            wanted = next(field.type for field in msgspec.structs.fields(_SECTIONS[section].type) if field.name == key)
            table[key] = _parse(environ[variable], wanted)
    return variables, problems


def _suggestion(name: str) -> str:
    """Return the setting whose variable is most similar, as the end of a message. ``name`` is without the prefix."""
    known = list(NOT_SETTINGS)
    for section, field in _SECTIONS.items():
        known += [f"{section}_{key}".upper() for key in getattr(field.default, "__struct_fields__", ())]
    similar = difflib.get_close_matches(name, known, n=1, cutoff=0.85)
    return f"; did you mean {PREFIX}{similar[0]}?" if similar else ""


def _parse(text: str, wanted: Any) -> Any:
    """Parse the value of a variable; an empty value unsets an optional text, commas separate the texts of a list."""
    if wanted is str:
        return text
    if wanted == (str | None):
        return text or None
    if wanted == list[str] and not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def section_problems(value: Any, path: str) -> Iterator[Violation]:
    """Yield the problems of a section, of the sections in it, and of the items of a list of sections."""
    if isinstance(value, list):
        seen: set[Any] = set()
        for index, item in enumerate(value):
            yield from section_problems(item, f"{path}[{index}]")
            setting = getattr(item, "unique", "")
            key = getattr(item, setting, None)
            if key in seen:
                shown = "" if setting == "id" else f"{key!r} is "
                yield Violation(f"{path}[{index}].{setting}", f"{shown}used twice")
            if key is not None:
                seen.add(key)
    elif hasattr(value, "problems"):
        for violation in value.problems():
            yield Violation(f"{path}.{violation.path}" if violation.path else path, violation.detail)
        if isinstance(value, Section):
            for name in value.__struct_fields__:
                yield from section_problems(getattr(value, name), f"{path}.{name}")
