"""Read the fenced blocks of a documentation page, and compare a command's output with the one that the page shows."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field

_FENCE = re.compile(
    r"(?:<!-- not run: (?P<reason>[^>]+) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$(?P<gap>\s*)",
    re.DOTALL | re.MULTILINE,
)
_FILE_NAME = re.compile(r"# (?P<name>[\w.]+\.(?:py|toml))\n")
_DECISION_ID = re.compile(r"\b[A-Z]+\.\d{16}\.[0-9a-f]{16}\b")


@dataclass
class Command:
    """A command of a console block, with the output that the page shows for it."""

    line: str
    output: str = ""


@dataclass
class Block:
    """A fenced block.

    Attributes
    ----------
    language : str
    text : str
    reason : str
        Why the block is not run; empty when it is.
    output : str
        For a Python block, the output that the page shows directly below it.
    """

    language: str
    text: str
    reason: str = ""
    output: str = ""

    @property
    def file_name(self) -> str:
        """The name in the first line's comment, when the reader is to save the block as a file."""
        found = _FILE_NAME.match(self.text)
        return found["name"] if found else ""

    @property
    def commands(self) -> list[Command]:
        """The commands of a console block."""
        found: list[Command] = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                found.append(Command(line[2:]))
            elif found and _is_unfinished(found[-1].line):
                found[-1].line += "\n" + line
            else:
                found[-1].output += line + "\n"
        return found


def read_blocks(page: str) -> list[Block]:
    """Return the blocks of a page in order."""
    blocks: list[Block] = []
    end = -1
    for fence in _FENCE.finditer(page):
        if not fence["language"] and blocks and blocks[-1].language == "python" and fence.start() == end:
            blocks[-1].output = fence["text"]
        else:
            blocks.append(Block(fence["language"], fence["text"], fence["reason"] or ""))
        end = fence.end()
    return blocks


def _is_unfinished(command: str) -> bool:
    try:
        shlex.split(command, comments=True)
    except ValueError:  # an open quote
        return True
    return command.endswith("\\")


@dataclass
class Matcher:
    """Compare outputs, and remember which real decision id stands for which id of the page.

    White space is ignored, ``…`` stands for any text, and a decision id of the page stands for any decision id. After
    a match, the same id of the page stands for the same real id.
    """

    ids: dict[str, str] = field(default_factory=dict)

    def with_real_ids(self, text: str) -> str:
        """Return a command with the real ids in place of those of the page."""
        return _DECISION_ID.sub(lambda found: self.ids.get(found[0], found[0]), text)

    def matches(self, expected: str, actual: str) -> bool:
        """Compare a command's output with the page's; remember the decision ids when they match."""
        names: dict[str, str] = {}
        pattern = ""
        parts = re.split(rf"(…|{_DECISION_ID.pattern})", self.with_real_ids(expected))
        for part in parts:
            if part == "…":
                pattern += ".*?"
            elif _DECISION_ID.fullmatch(part) and part not in self.ids.values():
                known = part in names
                name = names.setdefault(part, f"id{len(names)}")
                pattern += f"(?P={name})" if known else f"(?P<{name}>{_DECISION_ID.pattern[2:-2]})"
            else:
                pattern += re.escape("".join(part.split()))
        found = re.fullmatch(pattern, "".join(actual.split()), re.DOTALL)
        if found:
            self.ids |= {id_of_page: found[name] for id_of_page, name in names.items()}
        return found is not None
