from __future__ import annotations

import msgspec
import pytest

from pointsman.core.violations import explain


@pytest.mark.parametrize(("data", "detail"), [(b"{", "input data was truncated"), (b"{x", "JSON is malformed")])
def test_a_text_about_no_field_begins_as_a_sentence_in_the_middle_of_one(data: bytes, detail: str) -> None:
    with pytest.raises(msgspec.DecodeError) as error:
        msgspec.json.decode(data, type=dict)
    assert str(explain(error.value, None, dict)).startswith(detail)
