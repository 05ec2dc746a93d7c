"""The examples of docs/how-to/migrate.md are valid configurations and Python."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pointsman.contracts.config import load_config
from tests.support.repository import ROOT

DOCUMENT = ROOT / "docs" / "how-to" / "migrate.md"
EXAMPLES = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_every_product_has_an_example() -> None:
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize("text", EXAMPLES)
def test_example_is_valid(text: str, tmp_path: Path) -> None:
    file = tmp_path / "example.toml"
    file.write_text(text, encoding="utf-8")

    assert load_config(file, {}).tier


def test_the_examples_in_python_compile() -> None:
    snippets = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), flags=re.DOTALL)
    for snippet in snippets:
        compile(snippet, str(DOCUMENT), "exec")
    assert len(snippets) == 2
