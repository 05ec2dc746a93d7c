"""Who connects to NATS and to the store: the names of the users, and what each one is for."""

from __future__ import annotations

from typing import Literal, get_args

Role = Literal["gateway", "decision", "reward-updater", "shadow-evaluator", "operator", "client", "observer", "health"]

ROLES: tuple[Role, ...] = get_args(Role)

PURPOSE: dict[Role, str] = {
    "gateway": "the HTTP edge; makes the streams and puts policies in force",
    "decision": "chooses, and writes the decision log",
    "reward-updater": "the one writer of what is learned",
    "shadow-evaluator": "the one writer of the shadow report",
    "operator": "a person at the command line: audit, rebuild, doctor, tail",
    "client": "an application that asks for decisions over NATS instead of HTTP",
    "observer": "listens to decisions, degraded answers, rewards, shadow results and alerts, and can do nothing else",
    "health": "a container's health check: may ask the store whether it answers",
}
"""Every user. A name is a user's, and the last part of its inbox prefix: ``_INBOX_<role>``."""
