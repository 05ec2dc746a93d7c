"""What each user may publish and subscribe to on NATS. Whatever is not here is refused.

To read a stream is to make a consumer on it, to ask that for messages and to delete it, all of which is publishing to
JetStream's API; what comes back comes to the user's own inbox, which nobody else may listen to but the operator.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import msgspec

from pointsman.access.roles import Role
from pointsman.messages import subjects

ALL = ">"
_API = "$JS.API"
_PING_DECISION = "$SRV.PING.decision"
_ANSWERED = ("gateway", "operator", "client")
"""Whom a decision replica answers."""

LOGIN_TIMEOUT_S = 10


class NatsPermissions(msgspec.Struct, frozen=True):
    """Subjects, wildcards included; ``subject queue`` is one that may be subscribed to in that queue group only."""

    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()


def inbox(role: str) -> str:
    """Return the subjects that answers to a user come to."""
    return f"_INBOX_{role}.{ALL}"


def _exists(*streams: str) -> tuple[str, ...]:
    return tuple(f"{_API}.STREAM.INFO.{stream}" for stream in streams)


def _read(*streams: str) -> tuple[str, ...]:
    """Return what a `LogReader` publishes to, for each stream."""
    return tuple(
        f"{_API}.CONSUMER.{call}"
        for stream in streams
        for call in (f"CREATE.{stream}", f"MSG.NEXT.{stream}.*", f"DELETE.{stream}.*")
    )


def _make(*streams: str) -> tuple[str, ...]:
    return tuple(f"{_API}.STREAM.{call}.{stream}" for stream in streams for call in ("CREATE", "UPDATE"))


_STREAMS = (*subjects.STREAM_SUBJECTS, subjects.POLICIES_STREAM)
_POLICY = f"{subjects.POLICIES_SUBJECTS}.*"

PERMISSIONS: dict[Role, NatsPermissions] = {
    "gateway": NatsPermissions(
        publish=(
            subjects.ANY_DECIDE,
            subjects.STREAM_SUBJECTS[subjects.OUTCOMES],
            _POLICY,
            _PING_DECISION,
            f"{_API}.INFO",
            *_exists(*_STREAMS),
            *_make(*_STREAMS),
            f"{_API}.DIRECT.GET.{subjects.DECISIONS}",
            f"{_API}.DIRECT.GET.{subjects.OUTCOMES}",
            f"{_API}.DIRECT.GET.{subjects.POLICIES_STREAM}.{_POLICY}",
        ),
        subscribe=(subjects.ANY_DECISION, inbox("gateway")),
    ),
    "decision": NatsPermissions(
        publish=(
            subjects.STREAM_SUBJECTS[subjects.DECISIONS],
            subjects.ANY_DECISION,
            *(inbox(role) for role in _ANSWERED),
            *_exists(subjects.DECISIONS, subjects.POLICIES_STREAM),
            *_read(subjects.POLICIES_STREAM),
        ),
        subscribe=(
            f"{subjects.ANY_DECIDE} {subjects.DECISION_QUEUE}",
            subjects.ANY_ARMS,
            "$SRV.*",
            "$SRV.*.decision",
            "$SRV.*.decision.*",
            inbox("decision"),
        ),
    ),
    "reward-updater": NatsPermissions(
        publish=(
            subjects.STREAM_SUBJECTS[subjects.REWARDS],
            subjects.STREAM_SUBJECTS[subjects.ALERTS],
            subjects.dead(subjects.OUTCOMES),
            subjects.ANY_ARMS,
            *_exists(subjects.DECISIONS, subjects.OUTCOMES, subjects.REWARDS, subjects.ALERTS, subjects.DEAD),
            *_read(subjects.OUTCOMES),
            f"{_API}.DIRECT.GET.{subjects.OUTCOMES}",
            f"{_API}.DIRECT.GET.{subjects.REWARDS}.{subjects.STREAM_SUBJECTS[subjects.REWARDS]}",
        ),
        subscribe=(inbox("reward-updater"),),
    ),
    "shadow-evaluator": NatsPermissions(
        publish=(
            subjects.STREAM_SUBJECTS[subjects.SHADOW],
            subjects.dead(subjects.DECISIONS),
            *_exists(subjects.DECISIONS, subjects.SHADOW, subjects.DEAD, subjects.POLICIES_STREAM),
            *_read(subjects.DECISIONS, subjects.POLICIES_STREAM),
        ),
        subscribe=(inbox("shadow-evaluator"),),
    ),
    "operator": NatsPermissions(publish=(f"{_API}.{ALL}", f"$SRV.{ALL}"), subscribe=(ALL,)),
    "client": NatsPermissions(publish=(subjects.ANY_DECIDE,), subscribe=(inbox("client"),)),
    "observer": NatsPermissions(subscribe=("decisions.>", "rewards.>", "shadow.>", "alerts.>")),
    "health": NatsPermissions(),
}
"""The table. A user with nothing in it does not exist on NATS."""

NATS_ROLES: tuple[Role, ...] = tuple(role for role, allowed in PERMISSIONS.items() if allowed != NatsPermissions())


def users_conf(passwords: Mapping[str, str]) -> str:
    """Return the part of a nats-server's configuration that lets these users in, and no one else.

    Parameters
    ----------
    passwords : mapping of role to password
        One for each of `NATS_ROLES`.
    """
    users = "".join(_user(role, passwords[role]) for role in NATS_ROLES)
    return f"""\
authorization {{
  timeout: {LOGIN_TIMEOUT_S}
  users: [
{users}  ]
}}
"""


def _user(role: Role, password: str) -> str:
    allowed = PERMISSIONS[role]
    return f"""\
    {{
      user: {json.dumps(role)}
      password: {json.dumps(password)}
      permissions: {{
        publish: {_rule(allowed.publish)}
        subscribe: {_rule(allowed.subscribe)}
      }}
    }}
"""


def _rule(allowed: tuple[str, ...]) -> str:
    """Return the rule; NATS takes an absent one, and an empty one, for everything."""
    if not allowed:
        return f'{{ deny: ["{ALL}"] }}'
    return f"{{ allow: {json.dumps(allowed)} }}"
