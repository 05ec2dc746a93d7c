"""Names of fields in a response header are the client's, and could hold anything."""

from __future__ import annotations

import pytest

from pointsman_gateway.chat.answer.headers import MAX_ADAPTED, field_list


@pytest.mark.parametrize("name", ["\x00", "a\r\nset-cookie: x", "ü", "", "a b", "x" * 81, "a,b", "\ud800"])
def test_a_name_that_is_none_cannot_change_the_header(name: str) -> None:
    assert field_list(["temperature", name, "tool_choice.disable_parallel_tool_use"]) == (
        "temperature, ?, tool_choice.disable_parallel_tool_use"
    )


def test_names_of_arms_efforts_and_betas_are_shown_and_their_number_is_bounded() -> None:
    assert field_list(["@high", "anthropic-beta:context-1m-2025-08-07", "messages[0].role"]) == (
        "@high, anthropic-beta:context-1m-2025-08-07, messages[0].role"
    )
    assert field_list(["a"] * MAX_ADAPTED) == ", ".join(["a"] * MAX_ADAPTED)
    assert field_list(["a"] * (MAX_ADAPTED + 1)).endswith(", ...")
