from __future__ import annotations

from pathlib import Path

import pytest

from tools.vocabulary import (
    Source,
    ambiguous_constants,
    problems,
    read_sources,
    refused_names,
    refused_words,
    repeated_classes,
)

LIB = "libs/pointsman/a.py"


def words(text: str, file: str = LIB) -> list[tuple[int, str]]:
    return [(problem.line, problem.found) for problem in refused_words([Source(file, text)])]


@pytest.mark.parametrize(
    "text",
    [
        "told = 1",
        "class CostTold: ...",
        "def read_told_cost(): ...",
        "TOLD_USD = 1",
        "values.told",
        'f"{count} outcomes told"',
        "x = 1  # what it was told",
        '"""Told by the gateway."""',
        "httpTold = 1",
    ],
)
def test_a_refused_word_is_found_in_any_spelling(text: str) -> None:
    assert words(text) == [(1, "told")]


@pytest.mark.parametrize("text", ["retold = 1", "toldo = 1", "besides", "sayings", "Taylor"])
def test_a_word_that_contains_a_refused_word_is_allowed(text: str) -> None:
    assert words(text) == []


def test_a_wire_name_is_allowed_and_the_rest_of_its_line_is_checked() -> None:
    assert words('quality_reported = field(name="quality_told")') == []
    assert words('told = field(name="quality_told")') == [(1, "told")]


def test_pages_and_scripts_are_checked_by_line() -> None:
    assert words("# Costs\n\nNobody knows.", "docs/a.md") == [(3, "nobody")]


def test_a_problem_names_the_place_and_what_to_write() -> None:
    (problem,) = refused_words([Source("docs/a.md", "anew")])
    assert str(problem) == "docs/a.md:1: anew -> again"


@pytest.mark.parametrize("name", ["AGAIN_S", "_PATIENCE_S", "LOOK_S: float"])
def test_a_refused_constant_name_is_found(name: str) -> None:
    (problem,) = refused_names([Source(LIB, f"{name} = 1.0")])
    assert problem.found == name.partition(":")[0]


def test_a_public_class_name_is_defined_once() -> None:
    sources = [Source(LIB, "class A: ...\nclass _B: ..."), Source("services/x/b.py", "class _B: ...\n\nclass A: ...")]
    (problem,) = repeated_classes(sources)
    assert (problem.file, problem.line, problem.found) == ("services/x/b.py", 3, "class A")
    assert "libs/pointsman/a.py:1" in problem.instead


def test_a_constant_has_one_value_in_a_folder() -> None:
    one, other = Source(LIB, "WAIT_S = 1.0"), Source("libs/pointsman/b.py", "WAIT_S: float = 2.0")
    (problem,) = ambiguous_constants([one, other])
    assert (problem.file, problem.found) == ("libs/pointsman/b.py", "WAIT_S")
    assert list(ambiguous_constants([one, Source("libs/pointsman/c.py", "WAIT_S = 1.0")])) == []
    assert list(ambiguous_constants([one, Source("libs/pointsman/sub/b.py", "WAIT_S = 2.0")])) == []


def test_class_and_constant_rules_are_for_the_product() -> None:
    twice = "class A: ...\nLIMIT = {}\n"
    tests = [Source("tests/a.py", twice.format(1)), Source("tests/b.py", twice.format(2))]
    assert problems(tests) == []
    product = [Source("libs/a.py", twice.format(1)), Source("libs/b.py", twice.format(2))]
    assert [problem.found for problem in problems(product)] == ["class A", "LIMIT"]


def test_history_data_and_hidden_folders_are_not_read(tmp_path: Path) -> None:
    for file in ("README.md", "CHANGELOG.md", ".git/a.md", "docs/adr/0001.md", "a.png", "deploy/d.json", ".ci/run"):
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("anew")
    assert [source.file for source in read_sources(tmp_path)] == [".ci/run", "README.md", "deploy/d.json"]
