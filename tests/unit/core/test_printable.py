"""Text of unknown origin is safe on a terminal."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.printable import one_line, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, ü, 列車, 🚂", "plain, ü, 列車, 🚂"),
        ("\x1b[2J\x1b]0;title\x07", "\\u001b[2J\\u001b]0;title\\u0007"),
        ("\x9b31m", "\\u009b31m"),
        ("safe\u202etxt.exe", "safe\\u202etxt.exe"),
        ("\u2066isolated\u2069\u200f", "\\u2066isolated\\u2069\\u200f"),
        ("back\b\b\rover", "back\\b\\b\\rover"),
        ("lone \ud800", "lone \\ud800"),
        ("tag \U000e0041", "tag \\udb40\\udc41"),
        ("line\u2028end", "line\\u2028end"),
        ("a\tb\nc", "a\tb\nc"),
        ("👩\u200d🚀, نامه\u200cای", "👩\u200d🚀, نامه\u200cای"),
    ],
)
def test_control_and_format_characters_are_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_one_line_has_no_line_ends() -> None:
    assert one_line("a\r\nb\nc\td\re") == "a b c d\\re"


@given(st.text())
def test_nothing_that_controls_a_terminal_is_left(text: str) -> None:
    left = set(printable(text)) - set("\n\t\u200c\u200d")
    assert not [char for char in left if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert printable(printable(text)) == printable(text)


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"]))
    )
)
def test_json_stays_the_same(value: dict[str, str]) -> None:
    for ascii_only in (True, False):
        assert json.loads(printable(json.dumps(value, ensure_ascii=ascii_only))) == value
