"""The table of permissions on NATS."""

from __future__ import annotations

import itertools
import re

import pytest

from pointsman.contracts.access.nats_permissions import ALL, NATS_ROLES, PERMISSIONS, users_conf
from pointsman.contracts.access.roles import PURPOSE, ROLES
from pointsman.contracts.messages import subjects

PASSWORDS: dict[str, str] = {role: f"secret-of-{role}" for role in NATS_ROLES}
SERVICES = ("gateway", "decision", "reward-updater", "shadow-evaluator")


def matches(pattern: str, subject: str) -> bool:
    """As NATS does: ``*`` is one token, ``>`` all that follow."""
    for expected, token in itertools.zip_longest(pattern.split("."), subject.split(".")):
        if expected == ALL:
            return token is not None
        if token is None or expected not in ("*", token):
            return False
    return True


def publishers(subject: str) -> list[str]:
    return [role for role in NATS_ROLES if any(matches(p, subject) for p in PERMISSIONS[role].publish)]


@pytest.mark.parametrize(
    ("subject", "writer"),
    [
        (subjects.decision_log("T"), "decision"),
        (subjects.decision_topic("T"), "decision"),
        (subjects.pulls("T"), "decision"),
        (subjects.fallback_topic("T"), "gateway"),
        (subjects.feedback("T"), "gateway"),
        (subjects.rewards("T"), "reward-updater"),
        (subjects.arms("T"), "reward-updater"),
        (subjects.shadow("p", "T"), "shadow-evaluator"),
        (subjects.dead(subjects.OUTCOMES), "reward-updater"),
        (subjects.dead(subjects.FEEDBACK), "reward-updater"),
        (subjects.dead(subjects.DECISIONS), "shadow-evaluator"),
    ],
)
def test_every_subject_has_one_writer(subject: str, writer: str) -> None:
    assert publishers(subject) == [writer]


def test_outcomes_are_written_by_the_gateway_and_those_that_have_waited_by_the_reward_updater() -> None:
    assert publishers(subjects.outcomes("T")) == ["gateway", "reward-updater"]


def test_policies_are_written_by_the_gateway_and_by_who_may_promote_automatically() -> None:
    assert publishers(f"{subjects.POLICIES_SUBJECTS}.T") == ["gateway", "shadow-evaluator"]
    assert {"gateway", "shadow-evaluator"} <= set(publishers(subjects.alert("promotion", "T")))
    assert "decision" not in publishers(subjects.alert("promotion", "T"))


@pytest.mark.parametrize("call", ["STREAM.DELETE", "STREAM.PURGE", "STREAM.MSG.DELETE", "STREAM.RESTORE"])
def test_only_the_operator_takes_anything_out_of_a_log(call: str) -> None:
    assert publishers(f"$JS.API.{call}.{subjects.OUTCOMES}") == ["operator"]


def test_only_the_gateway_and_the_operator_make_streams() -> None:
    for stream in (*subjects.STREAM_SUBJECTS, subjects.POLICIES_STREAM):
        assert publishers(f"$JS.API.STREAM.CREATE.{stream}") == ["gateway", "operator"]


def test_no_service_may_publish_or_subscribe_to_everything() -> None:
    readers = {*SERVICES, "reader"}
    for role in set(NATS_ROLES) - {"operator"}:
        for subject in (*PERMISSIONS[role].publish, *PERMISSIONS[role].subscribe):
            assert subject.split(".")[0] not in (ALL, "*", "$JS" if role not in readers else ALL), (role, subject)


def test_the_reader_of_logs_can_write_to_none() -> None:
    writes = [
        s for s in PERMISSIONS["reader"].publish if not re.fullmatch(r"\$JS\.API\.(STREAM\.INFO|CONSUMER)\..+", s)
    ]
    assert writes == []


def test_an_inbox_is_its_users_own() -> None:
    for role, other in itertools.permutations(NATS_ROLES, 2):
        if role not in ("operator", "observer"):
            assert not any(matches(p, f"_INBOX_{other}.x") for p in PERMISSIONS[role].subscribe), (role, other)


def test_every_role_is_explained() -> None:
    assert set(PURPOSE) == set(ROLES) == set(PERMISSIONS)


def test_what_is_not_allowed_is_denied_even_where_nothing_is_allowed() -> None:
    text = users_conf(PASSWORDS)
    observer = text[text.index('user: "observer"') :]
    assert 'publish: { deny: [">"] }' in observer
    assert "allow: []" not in text


def test_every_user_is_written_with_a_password() -> None:
    text = users_conf(PASSWORDS)
    assert [text.count(f'password: "{password}"') for password in PASSWORDS.values()] == [1] * len(PASSWORDS)
