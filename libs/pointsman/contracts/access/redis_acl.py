"""Permissions of each user in the store: commands and keys. Everything else is refused.

A script has the permissions of the user who runs it, so a user without write access cannot write with a script either.
``%R~`` is a read-only key; parentheses contain an additional, independent rule.
"""

import hashlib
from collections.abc import Mapping

from pointsman.contracts.access.roles import Role

_RUN_READING = "+evalsha_ro +script|load"
_RUN_BOTH = "+evalsha +evalsha_ro +script|load"
_HOLD = "+evalsha +get +set +pexpire +del"
"""Commands to acquire, renew and release a lease."""

RULES: dict[Role, str] = {
    "gateway": (
        f"%R~tier:* %R~arm:* %R~outcome:* %R~shadow:* +ping {_RUN_READING} +hget +hmget +hgetall"
        " (~session:{*}:* +get +set) (~response:* +get +set)"
    ),
    "decision": f"%R~tier:* %R~arm:* +ping {_RUN_READING} +hmget +hgetall",
    "reward-updater": (
        f"~tier:* ~arm:* ~applied:* ~outcome:* ~settled:* +ping {_RUN_BOTH}"
        " +hmget +hgetall +hset +get +setbit +expire"
        f" (~lease:{{*}} ~lease:{{*}}:settler {_HOLD})"
    ),
    "shadow-evaluator": (
        f"~shadow:* %R~tier:* %R~arm:* +ping {_RUN_BOTH} +hget +hmget +hgetall +hset +hdel +hincrbyfloat +expire"
        f" +unlink (~lease:{{*}}:shadow-evaluator {_HOLD})"
    ),
    "operator": (
        f"~tier:* ~arm:* ~applied:* ~outcome:* ~settled:* ~shadow:* ~lease:* +ping {_RUN_BOTH}"
        " +@read -@dangerous +scan +hset +del +multi +exec +discard +info +config|get +acl|log +acl|whoami"
    ),
    "health": "+ping",
}
"""Rules by role. Other roles have no user in the store."""

DEFAULT_USER = "user default off resetpass ~* &* +@all"
"""Off: no client can use it. It has every permission, because the server is this user when it loads its append-only
file. Redis 7.0 checks the permissions of each transaction in the file, and logs and skips one that is not allowed: the
learned state would be lost at a restart."""

REDIS_ROLES: tuple[Role, ...] = tuple(RULES)


def acl_file(passwords: Mapping[str, str]) -> str:
    """Return an ACL file with these users only; the default user is disabled.

    It contains hashes of the passwords, as Redis itself stores them. Other users may read them, because the passwords
    of `make_password` are long and random.

    Parameters
    ----------
    passwords : mapping of role to password
        One for each of `REDIS_ROLES`.
    """
    lines = [DEFAULT_USER]
    for role, rule in RULES.items():
        digest = hashlib.sha256(passwords[role].encode()).hexdigest()
        lines.append(f"user {role} on #{digest} resetkeys resetchannels -@all {rule}")
    return "\n".join(lines) + "\n"
