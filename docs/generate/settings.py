"""``docs/reference/settings.md``: every setting with its environment variable, type and default."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

import msgspec

from docs import DOCS
from docs.generate.anchors import headings
from docs.generate.markdown import MADE, plain, sentence, table
from docs.generate.schema_words import default_of, words
from pointsman.contracts.config.loader import PREFIX
from pointsman.contracts.config.schema import Config
from pointsman.core.bandit import BUILT_IN, parameters_type
from pointsman_gateway.api.json_schema import describe_fields

_ABOUT = """\
The environment variable, type, range and default of every setting, generated from the schema in
`libs/pointsman/contracts/config`. [Configuration](configuration.md) explains the settings, their dependencies and how
to choose them. A setting without a variable can be set in the file only.
"""
_SECTION = re.compile(r"`\[+([a-z_]+)\]+`")


def page() -> str:
    """Return the page."""
    lines = [MADE, "", "# Settings", "", *_ABOUT.splitlines(), ""]
    anchors = _anchors()
    for name, table_type, many in _sections():
        heading = f"[[{name}]]" if many else f"[{name}]"
        lines += [f"## `{heading}`", "", f"Explained in [configuration](configuration.md#{anchors[name]}).", ""]
        lines += table(("setting", "variable", "type", "default", "meaning"), _rows(name, table_type, many))
    lines += ["## Algorithms", "", "Values of `algorithm`, and the `parameters` of each.", "", *_algorithms()]
    return "\n".join(lines).strip() + "\n"


def _sections() -> Iterator[tuple[str, type[msgspec.Struct], bool]]:
    """Yield each section's name, the type of its table, and whether there may be several."""
    for section in msgspec.structs.fields(Config):
        of = next(iter(get_args(section.type)), section.type)
        if isinstance(of, type) and issubclass(of, msgspec.Struct):
            yield section.name, of, of is not section.type


def _rows(section: str, of: type[msgspec.Struct], many: bool) -> Iterator[tuple[str, ...]]:
    _, schemas = msgspec.json.schema_components([of], ref_template="#/{name}")
    schema = schemas[of.__name__]
    describe_fields(schema, of)
    for name, field in schema["properties"].items():
        variable = "" if many else f"`{PREFIX}{section.upper()}_{name.upper()}`"
        default = "required" if name in schema["required"] else default_of(field)
        meaning = sentence(plain(field.get("description", "")))
        yield f"`{name}`", variable, _type(field), default, meaning


def _type(field: dict[str, Any]) -> str:
    """Return the type in words, without null, which means the same as omitting the setting."""
    alternatives = [one for one in field.get("anyOf", [field]) if one.get("type") != "null"]
    return " or ".join(words(one, lambda _: "table") for one in alternatives).replace("object", "table")


def _algorithms() -> list[str]:
    """Return the built-in algorithms with their descriptions and parameters."""
    rows = []
    for name, policy in BUILT_IN.items():
        schema = msgspec.json.schema_components([parameters_type(policy)])[1].popitem()[1]
        parameters = [f"`{key}`: {_type(of)}, default {default_of(of)}" for key, of in schema["properties"].items()]
        rows.append((f"`{name}`", plain((policy.__doc__ or "").partition("\n")[0]), "; ".join(parameters)))
    return table(("algorithm", "description", "parameters"), rows)


def _anchors() -> dict[str, str]:
    """Return the anchor of each section's heading on the configuration page."""
    found = headings(DOCS / "reference" / "configuration.md")
    return {name: anchor for anchor, text in found.items() for name in _SECTION.findall(text)}
