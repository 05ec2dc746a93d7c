"""What each user may do in the store: which commands, on which keys. Whatever is not here is refused.

A script runs with the rights of the user who runs it, so a user that may not write cannot write with a script either.
``%R~`` is a key that may be read only; what stands in parentheses is a rule of its own beside the first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from pointsman.contracts.access.roles import Role

_RUN = "+evalsha +script|load"
_RUN_READING = "+evalsha_ro +script|load"
_RUN_BOTH = "+evalsha +evalsha_ro +script|load"
_HOLD = "+evalsha +get +set +pexpire +del"
"""What holding a lease, and giving it back, takes."""

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
"""The table. A role that is not in it has no business with the store, and no user there."""

DEFAULT_USER = "user default off resetpass ~* &* +@all"
"""Off: nobody can be it. But with every right, because the server itself is this user when it reads its append-only
file. Redis 7.0 checks those rights again for each transaction in the file, logs a line for one that it may not execute,
and goes on without it: what was learned would be gone after a restart."""

REDIS_ROLES: tuple[Role, ...] = tuple(RULES)


def acl_file(passwords: Mapping[str, str]) -> str:
    """Return an ACL file that lets these users in, and no one else: not even the default user.

    It holds no password, only their hashes, as Redis keeps them itself. They can be anyone's to read as long as the
    passwords are long and random, as `make_password`'s are.

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
