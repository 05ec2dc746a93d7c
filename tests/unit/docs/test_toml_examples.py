"""Configuration examples of the pages: each is valid in a file with some tiers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs import DOCS
from pointsman.contracts.config import ConfigError, load_config

_BLOCK = re.compile(r"```toml\n(.*?)```", re.DOTALL)
_TIERS = "".join(f'\n[[tier]]\nname = "{name}"\narms = ["openai:gpt-5"]\n' for name in ("SIMPLE", "MEDIUM", "COMPLEX"))
_READERS_OWN = re.compile(
    r": file not found: /etc/pointsman/|: cannot load (frugal:Frugal|my_scorers:Short|ours:Ours): No module"
)
"""Problems with files and classes that only the reader has."""

EXAMPLES = [
    pytest.param(text, id=f"{page.name} {number}")
    for page in [DOCS.parent / "README.md", *sorted(DOCS.rglob("*.md")), DOCS.parent / "deploy" / "README.md"]
    for number, text in enumerate(_BLOCK.findall(page.read_text(encoding="utf-8")), 1)
]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 20


@pytest.mark.parametrize("text", EXAMPLES)
def test_example_is_valid_configuration(text: str, tmp_path: Path) -> None:
    file = tmp_path / "example.toml"
    file.write_text(text if "[[tier]]" in text else text + _TIERS, encoding="utf-8")
    try:
        load_config(file, {})
    except ConfigError as error:
        assert [problem for problem in error.problems if not _READERS_OWN.search(problem)] == []
