"""The page docs/reference/features.md against the code: names, weights, bounds and scores."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

from pointsman.core.features import CHAT_NAMES, TIER_WEIGHTS, TierScore, chat_features, view_request
from tests.support.repository import ROOT
from tests.unit.core.features.requests import ask, openai_loop

PAGE = (ROOT / "docs" / "reference" / "features.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("|")]


def test_the_twelve_are_there_in_their_order() -> None:
    assert tuple(row[1].strip("`") for row in ROWS if row[0].isdigit()) == CHAT_NAMES


def test_the_weights_are_those_of_the_score() -> None:
    at = next(i for i, row in enumerate(ROWS) if [cell.strip("`") for cell in row] == list(CHAT_NAMES))
    assert [float(cell.replace("−", "-")) for cell in ROWS[at + 2]] == list(TIER_WEIGHTS.values())


@pytest.mark.parametrize(
    ("row", "body"),
    [
        ('"Hi!"', ask("Hi!")),
        ('"Write a Python', ask("Write a Python function that reverses a linked list.")),
        ('"What does section 4', ask("What does section 4 require?\n" + "The lessee shall pay the rent. " * 4000)),
        ('"Prove', ask("Prove that the square root of 2 is irrational, step by step, and justify every step.")),
        ('"What is 17', ask("What is 17 * 23?", reasoning_effort="high")),
        ("a coding agent's first", openai_loop(0)),
        ("the coding agent after 8", openai_loop(8)),
    ],
)
def test_the_scores_are_what_the_requests_get(row: str, body: dict[str, Any]) -> None:
    written = next(float(cells[1]) for cells in ROWS if cells[0].startswith(row))
    assert TierScore([], "").score(chat_features(view_request(body, "openai"))) == pytest.approx(written, abs=0.005)


def test_the_examples_of_configuration_are_toml() -> None:
    examples = [tomllib.loads(text) for text in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)]
    assert [tier["below"] for tier in examples[0]["llm"]["auto"][:2]] == [0.15, 0.45]
    assert [example["llm"]["features"] for example in examples[1:]] == ["meaning", "embedding"]
