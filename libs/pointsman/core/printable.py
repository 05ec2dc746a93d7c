"""Text of unknown origin, made safe for a terminal: it moves no cursor, sets no colour and reorders nothing."""

import json
import unicodedata

_KEPT = frozenset("\n\t\u200c\u200d")
"""Line ends and tabs, and the joiners of scripts and emoji."""

_ESCAPED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories: control characters, format characters (with those that set the direction of text), surrogates,
and separators of lines and paragraphs."""


def printable(text: str) -> str:
    r"""Return the text with control and format characters escaped as in JSON, such as ``\u001b``; JSON stays the same.

    Line ends and tabs are kept.
    """
    if text.isprintable():
        return text
    return "".join(json.dumps(char)[1:-1] if _is_escaped(char) else char for char in text)


def one_line(text: str) -> str:
    """Return the text as one printable line, with spaces in the place of line ends and tabs."""
    return printable(text.replace("\r\n", " ").replace("\n", " ").replace("\t", " "))


def _is_escaped(char: str) -> bool:
    return unicodedata.category(char) in _ESCAPED and char not in _KEPT
