"""Users of NATS and of the store, and their purposes."""

from typing import Literal, get_args

Role = Literal[
    "gateway", "decision", "reward-updater", "shadow-evaluator", "operator", "client", "observer", "reader", "health"
]

ROLES: tuple[Role, ...] = get_args(Role)

PURPOSE: dict[Role, str] = {
    "gateway": "serves HTTP, creates the streams and activates policies",
    "decision": "makes decisions and writes the decision log",
    "reward-updater": "the only writer of the learned state",
    "shadow-evaluator": "the only writer of the shadow report",
    "operator": "a person at the command line: audit, rebuild, doctor, tail",
    "client": "an application that requests decisions over NATS instead of HTTP",
    "observer": "receives decisions, degraded answers, rewards, shadow results and alerts; nothing else",
    "reader": "reads the logs: pointsman export; nothing else",
    "health": "the health check of a container: may only ping the store",
}
"""Every user. The role is the user name and the last part of its inbox prefix ``_INBOX_<role>``."""
