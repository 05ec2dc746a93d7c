"""The settings page: the loader reads every variable that it lists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs import DOCS
from pointsman.contracts.config import ConfigError, load_config

ROW = re.compile(r"^\| `(?P<key>\w+)` \| (?:`(?P<variable>\w+)`)? *\|.* \| (?P<meaning>[^|]*) \|$")
PAGE = (DOCS / "reference" / "settings.md").read_text(encoding="utf-8").splitlines()
VARIABLES = [row["variable"] for line in PAGE if (row := ROW.match(line)) and row["variable"]]


@pytest.mark.parametrize("variable", VARIABLES)
def test_loader_reads_the_variable(variable: str, tmp_path: Path) -> None:
    file = tmp_path / "pointsman.toml"
    file.write_text('[[tier]]\nname = "T"\narms = ["p:m"]\n')
    try:
        load_config(file, {variable: "1"})
    except ConfigError as error:  # the value may well be wrong
        assert "no such setting" not in str(error)


def test_only_settings_in_lists_of_tables_have_no_variable() -> None:
    here, without = "", set()
    for line in PAGE:
        if line.startswith("## "):
            here = line
        elif (row := ROW.match(line)) and not row["variable"]:
            without.add(here)
    assert without
    assert all(heading.startswith("## `[[") for heading in without)


def test_every_setting_has_a_meaning() -> None:
    rows = [row for line in PAGE if (row := ROW.match(line))]
    assert len(rows) > 100
    assert [row["key"] for row in rows if not row["meaning"].strip()] == []
