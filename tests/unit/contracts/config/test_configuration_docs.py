"""docs/reference/configuration.md documents every setting of the schema with its default, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest

from pointsman.contracts.config.schema import Config
from tests.support.repository import ROOT

PAGE = ROOT / "docs" / "reference" / "configuration.md"

HEADING = re.compile(r"^## (.+)$")
SECTION = re.compile(r"`\[+([a-z_]+)\]+`")
ROW = re.compile(r"^\| `(?P<key>\w+)` \| (?P<type>[^|]+) \| (?P<default>[^|]+) \| (?P<meaning>[^|]+) \|$")


def documented() -> dict[str, dict[str, re.Match[str]]]:
    """The rows of each section of the page; a heading may be about several sections."""
    found: dict[str, dict[str, re.Match[str]]] = {}
    here: list[str] = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if heading := HEADING.match(line):
            here = SECTION.findall(heading[1])
            found |= {section: {} for section in here}
        elif row := ROW.match(line):
            for section in here:
                found[section][row["key"]] = row
    return found


def settings() -> Iterator[tuple[str, str, Any]]:
    """Every section, setting and default of the schema."""
    for section in msgspec.structs.fields(Config):
        table = next(iter(get_args(section.type)), section.type)  # a list of tables is documented as one of them
        if isinstance(table, type) and issubclass(table, msgspec.Struct):
            for field in msgspec.structs.fields(table):
                made = field.default_factory is not msgspec.NODEFAULT
                yield section.name, field.name, field.default_factory() if made else field.default


def written(default: Any) -> str:
    """A default as the page writes it."""
    if default is msgspec.NODEFAULT:
        return "required"
    if default is None:
        return "none"
    return f"`{msgspec.json.encode(default).decode().replace(',', ', ')}`"


@pytest.mark.parametrize(("section", "key", "default"), [pytest.param(*s, id=f"{s[0]}.{s[1]}") for s in settings()])
def test_setting_is_on_the_page_with_its_default(section: str, key: str, default: Any) -> None:
    row = documented()[section].get(key)
    assert row is not None, f"docs/reference/configuration.md does not have {key} in [{section}]"
    assert row["default"] == written(default)


def test_page_has_no_setting_that_is_gone() -> None:
    known = {(section, key) for section, key, _ in settings()}
    on_page = {(section, key) for section, rows in documented().items() for key in rows}
    assert on_page - known == set()


def test_every_section_of_the_configuration_has_a_heading() -> None:
    assert {section.name for section in msgspec.structs.fields(Config)} == documented().keys()
