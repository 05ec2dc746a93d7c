"""Vocabulary lint: refuse words and names that a new reader would not understand.

``python -m tools.vocabulary`` prints one line per problem, ``file:line: word -> what to write``, and exits with 1 when
there are any. Four rules:

1. The words of `REFUSED` appear nowhere: not in an identifier (split at ``_`` and at capitals), comment, docstring,
   string, page or user interface text.
2. A name of `REFUSED_NAMES` is not used for a constant.
3. A public class name is defined once in ``libs`` and ``services``.
4. Two modules of one folder do not give the same constant different values.

Ruff checks that every module has a docstring (D100, D104).
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]

REFUSED = {
    "told": "reported, published, logged, returned (feedback, metadata, headers)",
    "untold": "unreported, missing, unknown",
    "tell": "report, show, return, send",
    "tells": "reports, shows, returns, sends",
    "said": "reported, logged, returned, text",
    "say": "report, log, state, write",
    "says": "reports, logs, states, returns",
    "anew": "again",
    "nobody": "no one, no service, no client; or name what is missing",
    "whoever": "the client, the caller, the process that",
    "somebody": "someone, a client, another process",
    "patrol": "run_periodically, periodic task",
    "patrols": "periodic tasks",
    "bury": "publish_dead_letter",
    "buried": "published as a dead letter",
    "leash": "parent_death_signal",
    "trouble": "RateLimitedWarning, failure, problem",
    "troubles": "failures, problems",
    "lately": "recently, in the last <n> s",
    "beside": "next to, in addition to",
}
"""Each refused word with what to write instead."""

REFUSED_NAMES = {
    "AGAIN_S": "LOG_REPEAT_INTERVAL_S, RETRY_INTERVAL_S",
    "PATIENCE_S": "SHUTDOWN_TIMEOUT_S, REQUEST_TIMEOUT_S",
    "PATIENT_S": "REQUEST_TIMEOUT_S",
    "LOOK_S": "POLL_INTERVAL_S",
}
"""Each refused constant name (with or without a leading underscore) with what to write instead."""

ALLOWED_PHRASES = (
    # Names on the wire: they keep their spelling for readers of older data.
    "quality_told",
    "cost_told",
    "latency_told",
    '"told"',  # values of the label `feedback` of metrics and spans
    '"untold"',
    "suggest|tell",  # verbs that the prompt features look for
    "cannot tell",  # a verdict of the shadow report
    "`told` (",  # values of the metric label `feedback`
    "`untold` (",
    'feedback="untold"',
    '"told" if outcome.feedback else "untold"',
    '"beside"',  # a key of benchmark results
)
"""Text in which a refused word is right, as it is written in the file."""

EXEMPT = (
    "CHANGELOG.md",  # history
    "docs/adr",  # history
    "benchmarks/results",
    "build",  # the documentation site
    "tests/contract/golden",  # messages of released versions
    "services/gateway/pointsman_gateway/console/static/vendor",
    "tools/vocabulary.py",
    "tests/unit/tools/test_vocabulary.py",
)
"""Files and folders that are not checked."""

TEXT = {".py", ".md", ".js", ".html", ".css", ".lua", ".toml", ".yml", ".yaml", ".conf", ".sh"}
PRODUCT = ("libs", "services")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]*")
_ALLOWED = re.compile("|".join(map(re.escape, ALLOWED_PHRASES)))


class Problem(NamedTuple):
    """A refused word or name, where it is, and what to write instead."""

    file: str
    line: int
    found: str
    instead: str

    def __str__(self) -> str:
        """Return the line that the lint prints."""
        return f"{self.file}:{self.line}: {self.found} -> {self.instead}"


class Source(NamedTuple):
    """A file: its path relative to the root, and its text."""

    file: str
    text: str


def refused_words(sources: Iterable[Source]) -> Iterator[Problem]:
    """Yield each refused word of each line."""
    for source in sources:
        for number, line in enumerate(source.text.splitlines(), 1):
            for match in _WORD.finditer(_ALLOWED.sub("", line)):
                word = match[0].lower()
                if word in REFUSED:
                    yield Problem(source.file, number, word, REFUSED[word])


def refused_names(sources: Iterable[Source]) -> Iterator[Problem]:
    """Yield each constant with a refused name."""
    for source in sources:
        for name, line, _ in _constants(source):
            if name.lstrip("_") in REFUSED_NAMES:
                yield Problem(source.file, line, name, REFUSED_NAMES[name.lstrip("_")])


def repeated_classes(sources: Iterable[Source]) -> Iterator[Problem]:
    """Yield each public module-level class whose name an earlier module has too."""
    first: dict[str, str] = {}
    for source in sources:
        for node in ast.parse(source.text).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                place = f"{source.file}:{node.lineno}"
                if first.setdefault(node.name, place) != place:
                    instead = f"a name of its own: {first[node.name]} defines {node.name} too"
                    yield Problem(source.file, node.lineno, f"class {node.name}", instead)


def ambiguous_constants(sources: Iterable[Source]) -> Iterator[Problem]:
    """Yield each module-level constant to which an earlier module of the same folder gives another value."""
    first: dict[tuple[str, str], tuple[str, str]] = {}
    for source in sources:
        for name, line, value in _constants(source):
            key = str(Path(source.file).parent), name
            place, earlier = first.setdefault(key, (f"{source.file}:{line}", value))
            if earlier != value:
                yield Problem(source.file, line, name, f"a name of its own, or import it: {place} is {earlier}")


def _constants(source: Source) -> Iterator[tuple[str, int, str]]:
    """Yield name, line and value of each module-level constant that is a number or a string."""
    for node in ast.parse(source.text).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if _is_literal(value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if _is_literal(value):
                pass
            case _:
                continue
        if _CONSTANT.fullmatch(name):
            yield name, node.lineno, ast.unparse(value)


def _is_literal(value: ast.expr) -> bool:
    if isinstance(value, ast.BinOp):
        return _is_literal(value.left) and _is_literal(value.right)
    return isinstance(value, ast.Constant) and isinstance(value.value, int | float | str)


def read_sources(root: Path) -> list[Source]:
    """Return the text files below a folder that the lint checks, in order of their paths."""
    sources: list[Source] = []
    for path in sorted(root.rglob("*")):
        file = path.relative_to(root).as_posix()
        hidden = any(part.startswith(".") and part != ".ci" for part in path.parts[len(root.parts) :])
        if hidden or any(file == exempt or file.startswith(exempt + "/") for exempt in EXEMPT):
            continue
        is_text = path.suffix in TEXT or path.name in {"Makefile", "Dockerfile"} or file == ".ci/run"
        is_dashboard = path.suffix == ".json" and file.startswith("deploy/")
        if path.is_file() and (is_text or is_dashboard):
            sources.append(Source(file, path.read_text(encoding="utf-8")))
    return sources


def problems(sources: list[Source]) -> list[Problem]:
    """Return what all rules find, in order of file and line."""
    python = [source for source in sources if source.file.endswith(".py")]
    product = [source for source in python if source.file.startswith(PRODUCT)]
    return sorted(
        [
            *refused_words(sources),
            *refused_names(python),
            *repeated_classes(product),
            *ambiguous_constants(product),
        ]
    )


def main() -> int:
    """Print all problems of the repository; with paths as arguments only those in files below them."""
    below = tuple(argument.rstrip("/") for argument in sys.argv[1:])
    found = [problem for problem in problems(read_sources(ROOT)) if not below or problem.file.startswith(below)]
    for problem in found:
        print(problem)
    if found:
        print(f"{len(found)} problems", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
