"""The table of who may do what in the store."""

from __future__ import annotations

import re

import pytest

from pointsman.contracts.access.redis_acl import REDIS_ROLES, RULES, acl_file

NOTES = " (~session:{*}:* +get +set) (~response:* +get +set)"
"""Which arm a conversation had last, and whose answer a response was: the gateway writes that itself, and nothing is
learned from it."""

PASSWORDS: dict[str, str] = {role: f"secret-of-{role}" for role in REDIS_ROLES}


def test_the_file_holds_no_password() -> None:
    text = acl_file(PASSWORDS)
    assert [password for password in PASSWORDS.values() if password in text] == []
    assert len(set(re.findall(r" #([0-9a-f]{64}) ", text))) == len(REDIS_ROLES)


def test_the_default_user_is_off_and_the_server_can_read_its_own_file() -> None:
    default = acl_file(PASSWORDS).splitlines()[0]
    assert default.startswith("user default off resetpass ")
    # Redis 7.0 reads its append-only file as this user, and drops every transaction that it may not execute.
    assert default.endswith(" ~* &* +@all")


def test_every_user_begins_with_no_rights() -> None:
    for line in acl_file(PASSWORDS).splitlines()[1:]:
        assert " resetkeys resetchannels -@all " in line


@pytest.mark.parametrize("role", ["gateway", "decision"])
def test_who_only_reads_has_no_key_to_write_and_no_command_that_writes(role: str) -> None:
    rule = next(rule for name, rule in RULES.items() if name == role)
    rule = rule.removesuffix(NOTES)
    assert not re.search(r"(?<!%R)~", rule)
    assert set(re.findall(r"\+(\S+)", rule)) <= {"ping", "evalsha_ro", "script|load", "hget", "hmget", "hgetall"}


def test_no_user_has_a_dangerous_command() -> None:
    for role, rule in RULES.items():
        commands = set(re.findall(r"\+(\S+)", rule))
        assert not commands & {
            "@all",
            "@admin",
            "@dangerous",
            "flushall",
            "flushdb",
            "keys",
            "eval",
            "config",
            "acl",
        }, role


def test_no_commands_are_named_that_the_oldest_supported_server_does_not_know() -> None:
    # CLIENT SETINFO came with Redis 7.2: a 7.0 does not start with a rule that names it.
    assert [role for role, rule in RULES.items() if "setinfo" in rule] == []
