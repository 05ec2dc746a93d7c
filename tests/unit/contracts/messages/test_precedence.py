from __future__ import annotations

import msgspec

from pointsman.contracts.messages.policies import PolicySpec, TierPolicies
from pointsman.contracts.messages.precedence import MAX_SUPERSEDED, stays, with_superseded

POLICIES = TierPolicies(active=PolicySpec(name="a", algorithm="linucb"), changed_at_ms=1, changed_by="configuration")


def test_the_newest_of_the_replaced_files_are_remembered_up_to_a_number() -> None:
    current = None
    for at in range(MAX_SUPERSEDED + 9):
        current = with_superseded(msgspec.structs.replace(POLICIES, configured=f"file {at}"), current)
    assert current is not None
    assert len(current.superseded) == MAX_SUPERSEDED
    assert stays(current, f"file {MAX_SUPERSEDED + 7}")
    assert stays(current, current.configured)
    assert not stays(current, "file 0")


def test_a_file_that_is_in_force_again_is_not_a_replaced_one() -> None:
    first, second = (msgspec.structs.replace(POLICIES, configured=name) for name in ("first", "second"))
    again = with_superseded(first, with_superseded(second, with_superseded(first, None)))
    assert again.superseded == ["second"]
