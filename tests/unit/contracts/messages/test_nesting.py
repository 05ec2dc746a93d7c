"""The limit on nesting, and what is answered beyond it."""

import contextlib
from typing import Any

import pytest

from pointsman.contracts.messages.codec import decode
from pointsman.contracts.messages.decision import Candidate, DecisionRequest, request_decoder
from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.contracts.messages.nesting import MAX_DEPTH, check_nesting
from pointsman.contracts.messages.validation import check_request, find_non_finite
from pointsman.core.bandit import Arm


def nested(depth: int) -> Any:
    value: Any = 1
    for number in range(depth):
        value = [value] if number % 2 else {"a": value, "b": []}
    return value


def test_the_limit_counts_the_value_itself() -> None:
    check_nesting(nested(MAX_DEPTH))
    with pytest.raises(InvalidMessage, match="at most 128"):
        check_nesting(nested(MAX_DEPTH + 1))


@pytest.mark.parametrize("depth", [200, 900, 980, 50_000])
def test_a_body_that_is_wrong_and_deep_is_refused(depth: int) -> None:
    data = b"[" * depth + b"]" * depth
    with pytest.raises(InvalidMessage):
        decode(request_decoder, data)
    with contextlib.suppress(InvalidMessage):
        assert find_non_finite(data) is None


def test_metadata_may_not_be_deeper() -> None:
    request = DecisionRequest(
        tier="T", context=[1.0], candidates=[Candidate(provider="p", model="m")], metadata=nested(400)
    )
    with pytest.raises(InvalidMessage) as refused:
        check_request(request, {"T": (Arm("p", "m"),)}, 1, "reject")
    assert refused.value.field == "metadata"
