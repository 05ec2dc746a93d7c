"""What each user may publish and subscribe to on NATS. Whatever is not here is refused.

To read a stream is to make a consumer on it, to ask that for messages and to delete it, all of which is publishing to
JetStream's API; what comes back comes to the user's own inbox, which nobody else may listen to but the operator.
"""

from __future__ import annotations

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


def _micro(service: str) -> tuple[str, ...]:
    """Return what a process of NATS' micro framework listens to: who is there, and how it is."""
    return ("$SRV.*", f"$SRV.*.{service}", f"$SRV.*.{service}.*", subjects.status(service))


_STATUS_ASKED = (inbox("gateway"), inbox("operator"))
"""Whom every service tells how it is."""
_STREAMS = (*subjects.STREAM_SUBJECTS, subjects.POLICIES_STREAM)
_POLICY = f"{subjects.POLICIES_SUBJECTS}.*"
_PROMOTION = subjects.alert("promotion", "*")
_ANNOUNCED = (subjects.alert("report", "*"), subjects.alert("regret", "*"))

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
            _PING_DECISION,
            f"{_API}.INFO",
            *_exists(*_STREAMS),
            *_make(*_STREAMS),
            f"{_API}.DIRECT.GET.{subjects.DECISIONS}",
            f"{_API}.DIRECT.GET.{subjects.OUTCOMES}",
            f"{_API}.DIRECT.GET.{subjects.OUTCOMES}.{subjects.STREAM_SUBJECTS[subjects.OUTCOMES]}",
            f"{_API}.DIRECT.GET.{subjects.REWARDS}",
            f"{_API}.DIRECT.GET.{subjects.ALERTS}",
            f"{_API}.DIRECT.GET.{subjects.POLICIES_STREAM}",
            f"{_API}.DIRECT.GET.{subjects.POLICIES_STREAM}.{_POLICY}",
            *_read(subjects.POLICIES_STREAM),
        ),
        subscribe=(subjects.ANY_DECISION, subjects.ANY_FALLBACK, *_micro("gateway"), inbox("gateway")),
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
            f"{subjects.ANY_SCORE} {subjects.DECISION_QUEUE}",
            subjects.ANY_ARMS,
            *_micro("decision"),
            inbox("decision"),
        ),
    ),
    "reward-updater": NatsPermissions(
        publish=(
            subjects.STREAM_SUBJECTS[subjects.REWARDS],
            subjects.STREAM_SUBJECTS[subjects.ALERTS],
            subjects.STREAM_SUBJECTS[subjects.OUTCOMES],  # what has waited for feedback
            subjects.dead(subjects.OUTCOMES),
            subjects.dead(subjects.FEEDBACK),
            subjects.ANY_ARMS,
            *_STATUS_ASKED,
            *_exists(subjects.DECISIONS, subjects.OUTCOMES, subjects.REWARDS, subjects.ALERTS, subjects.DEAD),
            *_exists(subjects.FEEDBACK),
            *_read(subjects.OUTCOMES, subjects.FEEDBACK),
            *(f"{_API}.STREAM.MSG.GET.{stream}" for stream in (subjects.OUTCOMES, subjects.FEEDBACK)),
            f"{_API}.DIRECT.GET.{subjects.FEEDBACK}",
            f"{_API}.DIRECT.GET.{subjects.OUTCOMES}",
            f"{_API}.DIRECT.GET.{subjects.OUTCOMES}.{subjects.STREAM_SUBJECTS[subjects.OUTCOMES]}",
            f"{_API}.DIRECT.GET.{subjects.REWARDS}.{subjects.STREAM_SUBJECTS[subjects.REWARDS]}",
        ),
        subscribe=(*_micro("reward-updater"), inbox("reward-updater")),
    ),
    "shadow-evaluator": NatsPermissions(
        publish=(
            subjects.STREAM_SUBJECTS[subjects.SHADOW],
            subjects.dead(subjects.DECISIONS),
            subjects.dead(subjects.REWARDS),
            *_STATUS_ASKED,
            f"{_API}.DIRECT.GET.{subjects.DECISIONS}",
            *_exists(subjects.OUTCOMES, subjects.REWARDS),
            *_read(subjects.OUTCOMES, subjects.REWARDS),
            _POLICY,  # for promoting automatically, where that is configured
            _PROMOTION,
            *_ANNOUNCED,
            f"{_API}.DIRECT.GET.{subjects.POLICIES_STREAM}.{_POLICY}",
            f"{_API}.DIRECT.GET.{subjects.DECISIONS}.{subjects.STREAM_SUBJECTS[subjects.DECISIONS]}",
            *(f"{_API}.DIRECT.GET.{subjects.ALERTS}.{subject}" for subject in _ANNOUNCED),
            *_exists(subjects.ALERTS),
            *_exists(subjects.DECISIONS, subjects.SHADOW, subjects.DEAD, subjects.POLICIES_STREAM),
            *_read(subjects.DECISIONS, subjects.POLICIES_STREAM),
        ),
        subscribe=(*_micro("shadow-evaluator"), inbox("shadow-evaluator")),
    ),
    "operator": NatsPermissions(publish=(f"{_API}.{ALL}", f"$SRV.{ALL}"), subscribe=(ALL,)),
    "client": NatsPermissions(publish=(subjects.ANY_DECIDE,), subscribe=(inbox("client"),)),
    "observer": NatsPermissions(subscribe=("decisions.>", "fallbacks.>", "rewards.>", "shadow.>", "alerts.>")),
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
