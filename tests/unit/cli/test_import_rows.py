"""``pointsman import``: which results are in a file, and what a wrong one is answered with."""

from __future__ import annotations

import json

import pytest

from pointsman.cli.commands.import_outcomes.files import FileUnreadable, read_records
from pointsman.cli.commands.import_outcomes.rows import Columns, read_rows
from pointsman.core.bandit import Arm

SHARE = Columns({}, 100.0)
"""Qualities from 0 to 1."""
WIDE = Columns({"gpt": Arm("openai", "gpt-5"), "llama": Arm("ollama", "llama3.2")}, 100.0)


def _rows(name: str, text: str, columns: Columns = SHARE) -> list[dict[str, object]]:
    return [result.row for result in read_rows(read_records(name, text.encode()), columns)]


def test_a_record_with_an_arm_is_one_result() -> None:
    record = {"prompt": "Why?", "arm": "openai:gpt-5", "quality": 0.9, "cost_usd": 0.01, "latency_ms": 700, "other": 1}
    assert _rows("a.jsonl", json.dumps(record)) == [
        {
            "row": 0,
            "prompt": "Why?",
            "provider": "openai",
            "model": "gpt-5",
            "quality": 90.0,
            "cost_usd": 0.01,
            "latency_ms": 700.0,
        }
    ]


def test_a_table_of_routerbench_has_a_column_per_model() -> None:
    text = 'sample_id,prompt,gpt,llama,gpt|total_cost,llama|total_cost\n1,"Why, then?",1.0,0.25,0.02,\n2,And?,,0.5,,\n'
    rows = _rows("a.csv", text, WIDE)
    assert [(row["row"], row["prompt"], row["model"], row["quality"], row.get("cost_usd")) for row in rows] == [
        (0, "Why, then?", "gpt-5", 100.0, 0.02),
        (1, "Why, then?", "llama3.2", 25.0, None),
        (2, "And?", "llama3.2", 50.0, None),
    ]


def test_a_line_of_json_has_an_object_per_model_by_name_or_arm() -> None:
    record = {"context": [1.0, 0.5], "arms": {"gpt": {"quality": 1.0}, "p:m": {"quality": 0.5, "latency_ms": 20}}}
    rows = _rows("a.jsonl", json.dumps(record), WIDE)
    assert [(row["provider"], row["model"], row["quality"], row["context"]) for row in rows] == [
        ("openai", "gpt-5", 100.0, [1.0, 0.5]),
        ("p", "m", 50.0, [1.0, 0.5]),
    ]


def test_messages_in_a_csv_are_json() -> None:
    text = 'messages,arm,reward\n"[{""role"": ""user"", ""content"": ""Hi""}]",p:m,71.5\n'
    (row,) = _rows("a.csv", text)
    assert (row["messages"], row["reward"]) == ([{"role": "user", "content": "Hi"}], 71.5)


def test_an_exported_outcome_is_read_and_one_that_is_not_learned_from_is_left_out() -> None:
    exported = {"sequence": 7, "context": [1.0], "provider": "p", "model": "m", "quality": 80.0, "rule": {}}
    text = "\n".join(json.dumps(line) for line in (exported, exported | {"learn": False, "context": []}))
    (row,) = _rows("a.jsonl", text, Columns({}, 1.0))
    assert (row["context"], row["model"], row["quality"]) == ([1.0], "m", 80.0)


def test_an_exported_outcome_needs_no_quality() -> None:
    exported = {"decision_id": "T.1.0123456789abcdef", "context": [1.0], "provider": "p", "model": "m", "cost_usd": 0.1}
    (row,) = _rows("a.jsonl", json.dumps(exported), Columns({}, 1.0))
    assert (row["cost_usd"], "quality" in row) == (0.1, False)


@pytest.mark.parametrize(
    ("name", "text", "columns", "names"),
    [
        ("a.txt", "", SHARE, "expected a name that ends with .jsonl, .csv, .parquet"),
        ("a.jsonl", '{"prompt": "x", "arm": "p:m", "quality": 1}\n{"prom', SHARE, "line 2: "),
        ("a.jsonl", "[1]", SHARE, "line 1: Expected `object`"),
        ("a.csv", "prompt,arm,quality\na,p:m\n", SHARE, "line 2: expected as many fields as the header has"),
        (
            "a.csv",
            "arm,quality\np:m,1\n",
            SHARE,
            "line 2: expected one of the columns prompt, messages, context, got none",
        ),
        ("a.csv", 'prompt,context,arm\na,"[1]",p:m\n', SHARE, "got prompt, context"),
        ("a.csv", "context,arm,quality\nx,p:m,1\n", SHARE, "line 2: context: expected JSON"),
        ("a.csv", "prompt,quality\na,1\n", SHARE, "expected the column arm (provider:model), or --arm"),
        ("a.csv", "prompt,arm,quality\na,gpt,1\n", SHARE, "arm: arm 'gpt': expected provider:model"),
        ("a.csv", "prompt,arm,quality\na,p:m,good\n", SHARE, "quality: expected a number, got 'good'"),
        ("a.csv", "prompt,arm,quality\na,p:m,80\n", SHARE, "quality: expected at most 1, got 80; see --quality-max"),
        ("a.csv", "prompt,arm,quality\na,p:m,nan\n", SHARE, "quality: expected a finite number of at least 0, got nan"),
        ("a.csv", "prompt,arm,cost_usd\na,p:m,1\n", SHARE, "quality: missing, and so is reward"),
        ("a.csv", "prompt,gpt,llama|cost_usd\na,,0.1\n", WIDE, "line 2: llama: quality: missing, and so is reward"),
        ("a.csv", "prompt,mistral\na,1\n", WIDE, "line 2: none of the columns gpt, llama has a value"),
        ("a.jsonl", '{"prompt": "x", "arms": {"gpt": 1}}', SHARE, "arms.gpt: expected an object"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(name: str, text: str, columns: Columns, names: str) -> None:
    with pytest.raises(FileUnreadable) as found:
        _rows(name, text, columns)
    assert names in str(found.value)
