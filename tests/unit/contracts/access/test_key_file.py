"""The file of keys."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pointsman.contracts.access.key_file import KeyFileError, add_key, read_keys, remove_keys
from pointsman.contracts.access.keys import make_key


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def test_keys_come_back_in_the_order_they_were_added(file: Path) -> None:
    kept = [make_key(name, ["read"], 2.5)[1] for name in ("a", "b")]
    for key in kept:
        add_key(file, key)
    assert read_keys(file) == (kept, [])


def test_a_new_file_is_for_its_owner_only_and_a_mode_that_was_set_stays(file: Path) -> None:
    add_key(file, make_key("a", ["read"])[1])
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o640)
    add_key(file, make_key("b", ["read"])[1])
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_missing_file_has_no_keys(file: Path) -> None:
    assert read_keys(file) == ([], [])


def test_a_line_that_is_no_key_is_named_and_the_others_are_read(file: Path) -> None:
    good = make_key("a", ["read"])[1]
    file.write_text("# who has what\n\n{\n")
    add_key(file, good)
    with file.open("ab") as more:
        more.write(b'{"id":"x","name":"b","scopes":["fly"],"hash":""}\n\xff\n')
    keys, problems = read_keys(file)
    assert keys == [good]
    assert [problem.partition("line ")[2][0] for problem in problems] == ["3", "5", "6"]
    assert "scopes[0]" in problems[1]


def test_an_id_counts_once(file: Path) -> None:
    key = make_key("a", ["read"])[1]
    add_key(file, key)
    add_key(file, key)
    keys, problems = read_keys(file)
    assert keys == [key]
    assert "used twice" in problems[0]


def test_removing_a_key_leaves_the_other_lines_as_they_are(file: Path) -> None:
    file.write_text("# note\nnot a key\n")
    first, second = make_key("a", ["read"])[1], make_key("b", ["read"])[1]
    add_key(file, first)
    add_key(file, second)
    assert remove_keys(file, first.id) == [first]
    assert read_keys(file)[0] == [second]
    assert file.read_text().startswith("# note\nnot a key\n")
    assert remove_keys(file, "unknown") == []


def test_keys_that_are_added_at_once_are_all_there(file: Path) -> None:
    keys = [make_key(str(number), ["read"])[1] for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: add_key(file, key), keys))
    assert {key.id for key in read_keys(file)[0]} == {key.id for key in keys}
    assert list(file.parent.iterdir()) == [file]


def test_a_file_that_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=str(tmp_path)):
        read_keys(tmp_path)
    with pytest.raises(KeyFileError, match="No such file"):
        add_key(tmp_path / "no" / "keys", make_key("a", ["read"])[1])
