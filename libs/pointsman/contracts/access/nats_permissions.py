"""Subjects that each user may publish and subscribe to on NATS. Everything else is refused.

To read a stream, a user creates a consumer, requests messages from it and deletes it, all by publishing to the
JetStream API. The replies go to the inbox of the user, which only the user and the operator may subscribe to.
"""

import json
from collections.abc import Mapping

import msgspec

from pointsman.contracts.access.roles import Role
from pointsman.contracts.messages import subjects

ALL = ">"
_API = "$JS.API"
_PING_DECISION = "$SRV.PING.decision"
_ALL_STATS = "$SRV.STATS"
_ANSWERED = ("gateway", "operator", "client")
"""Roles that a decision replica replies to."""

LOGIN_TIMEOUT_S = 10


class NatsPermissions(msgspec.Struct, frozen=True):
    """Subjects with wildcards; ``subject queue`` may be subscribed to in that queue group only."""

    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()


def inbox(role: str) -> str:
    """Return the subjects of the replies to a user."""
    return f"_INBOX_{role}.{ALL}"


def _exists(*streams: str) -> tuple[str, ...]:
    return tuple(f"{_API}.STREAM.INFO.{stream}" for stream in streams)


def _read(*streams: str) -> tuple[str, ...]:
    """Return the subjects that a `LogReader` publishes to, for each stream."""
    return tuple(
        f"{_API}.CONSUMER.{call}"
        for stream in streams
        for call in (f"CREATE.{stream}", f"MSG.NEXT.{stream}.*", f"DELETE.{stream}.*")
    )


def _get(*streams: str) -> tuple[str, ...]:
    """Return the subjects that `Bus.get`, `Bus.next` and `Bus.last` publish to: of all replicas, and of the leader."""
    return tuple(f"{_API}.{call}.GET.{stream}" for stream in streams for call in ("DIRECT", "STREAM.MSG"))


def _make(*streams: str) -> tuple[str, ...]:
    return tuple(f"{_API}.STREAM.{call}.{stream}" for stream in streams for call in ("CREATE", "UPDATE"))


def _micro(service: str) -> tuple[str, ...]:
    """Return the subjects of service discovery and status that a service subscribes to."""
    return ("$SRV.*", f"$SRV.*.{service}", f"$SRV.*.{service}.*", subjects.status(service))


_STATUS_ASKED = (inbox("gateway"), inbox("operator"))
"""Inboxes that receive the status of every service."""
_STREAMS = (*subjects.STREAM_SUBJECTS, subjects.POLICIES_STREAM)
_LOGS = (subjects.DECISIONS, subjects.OUTCOMES, subjects.REWARDS, subjects.SHADOW)
_POLICY = f"{subjects.POLICIES_SUBJECTS}.*"
_PROMOTION = subjects.alert("promotion", "*")
_LOG_LOST = subjects.alert("log-lost", "*")
_UNWRITABLE = subjects.alert("unwritable", "*")
_ANNOUNCED = (subjects.alert("report", "*"), subjects.alert("regret", "*"))
_NEWER_VERSION = subjects.alert("newer-version", "*")

PERMISSIONS: dict[Role, NatsPermissions] = {
    "gateway": NatsPermissions(
        publish=(
            subjects.ANY_DECIDE,
            subjects.ANY_SCORE,
            subjects.ANY_FALLBACK,
            _ALL_STATS,
            *_STATUS_ASKED,
            subjects.STREAM_SUBJECTS[subjects.OUTCOMES],
            subjects.STREAM_SUBJECTS[subjects.FEEDBACK],
            _POLICY,
            _PROMOTION,
            _LOG_LOST,
            _UNWRITABLE,
            f"{subjects.PROBE_SUBJECTS}.*",
            _PING_DECISION,
            f"{_API}.INFO",
            *_exists(*_STREAMS),
            *_exists(subjects.PROBE_STREAM),
            *_make(*_STREAMS, subjects.PROBE_STREAM),
            *_get(subjects.DECISIONS, subjects.OUTCOMES, subjects.REWARDS, subjects.ALERTS, subjects.POLICIES_STREAM),
            *_read(subjects.POLICIES_STREAM),
        ),
        subscribe=(subjects.ANY_DECISION, subjects.ANY_FALLBACK, *_micro("gateway"), inbox("gateway")),
    ),
    "decision": NatsPermissions(
        publish=(
            subjects.STREAM_SUBJECTS[subjects.DECISIONS],
            subjects.ANY_DECISION,
            subjects.ANY_PULLS,
            _UNWRITABLE,
            *(inbox(role) for role in _ANSWERED),
            *_exists(subjects.DECISIONS, subjects.POLICIES_STREAM),
            *_read(subjects.POLICIES_STREAM),
            f"{_API}.STREAM.MSG.GET.{subjects.POLICIES_STREAM}",
        ),
        subscribe=(
            f"{subjects.ANY_DECIDE} {subjects.DECISION_QUEUE}",
            f"{subjects.ANY_SCORE} {subjects.DECISION_QUEUE}",
            subjects.ANY_ARMS,
            subjects.ANY_PULLS,
            *_micro("decision"),
            inbox("decision"),
        ),
    ),
    "reward-updater": NatsPermissions(
        publish=(
            subjects.STREAM_SUBJECTS[subjects.REWARDS],
            subjects.STREAM_SUBJECTS[subjects.ALERTS],
            subjects.STREAM_SUBJECTS[subjects.OUTCOMES],  # outcomes that waited for feedback
            subjects.dead(subjects.OUTCOMES),
            subjects.dead(subjects.FEEDBACK),
            subjects.ANY_ARMS,
            *_STATUS_ASKED,
            *_exists(subjects.DECISIONS, subjects.OUTCOMES, subjects.REWARDS, subjects.ALERTS, subjects.DEAD),
            *_exists(subjects.FEEDBACK, subjects.SHADOW, subjects.POLICIES_STREAM),
            *_read(subjects.OUTCOMES, subjects.FEEDBACK),
            *_get(subjects.OUTCOMES, subjects.FEEDBACK, subjects.REWARDS),
        ),
        subscribe=(*_micro("reward-updater"), inbox("reward-updater")),
    ),
    "shadow-evaluator": NatsPermissions(
        publish=(
            subjects.STREAM_SUBJECTS[subjects.SHADOW],
            subjects.dead(subjects.DECISIONS),
            subjects.dead(subjects.REWARDS),
            *_STATUS_ASKED,
            *_get(subjects.DECISIONS, subjects.ALERTS, subjects.POLICIES_STREAM),
            *_exists(subjects.OUTCOMES, subjects.REWARDS),
            *_read(subjects.OUTCOMES, subjects.REWARDS),
            f"{_API}.STREAM.MSG.GET.{subjects.OUTCOMES}",
            _POLICY,  # for automatic promotion
            _PROMOTION,
            _UNWRITABLE,
            *_ANNOUNCED,
            _NEWER_VERSION,
            *_exists(subjects.ALERTS),
            *_exists(subjects.DECISIONS, subjects.SHADOW, subjects.DEAD, subjects.POLICIES_STREAM),
            *_read(subjects.DECISIONS, subjects.POLICIES_STREAM),
        ),
        subscribe=(*_micro("shadow-evaluator"), inbox("shadow-evaluator")),
    ),
    # $JS.SNAPSHOT: a backup acknowledges its chunks there, and a restore sends them there.
    "operator": NatsPermissions(publish=(f"{_API}.{ALL}", f"$JS.SNAPSHOT.{ALL}", f"$SRV.{ALL}"), subscribe=(ALL,)),
    "client": NatsPermissions(publish=(subjects.ANY_DECIDE,), subscribe=(inbox("client"),)),
    "observer": NatsPermissions(subscribe=("decisions.>", "fallbacks.>", "rewards.>", "shadow.>", "alerts.>")),
    "reader": NatsPermissions(publish=(*_exists(*_LOGS), *_read(*_LOGS)), subscribe=(inbox("reader"),)),
    "health": NatsPermissions(),
}
"""Permissions by role. A role without any has no user on NATS."""

NATS_ROLES: tuple[Role, ...] = tuple(role for role, allowed in PERMISSIONS.items() if allowed != NatsPermissions())


def users_conf(passwords: Mapping[str, str]) -> str:
    """Return the configuration of nats-server with these users only.

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
    """Return the rule; NATS treats an absent or empty rule as permission for everything."""
    if not allowed:
        return f'{{ deny: ["{ALL}"] }}'
    return f"{{ allow: {json.dumps(allowed)} }}"
