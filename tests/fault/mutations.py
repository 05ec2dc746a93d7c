"""Copies of the services with one safeguard taken out, to see that the suite notices."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pointsman

TREE = Path(next(iter(pointsman.__path__))).parents[1]
"""The folder that has ``libs`` and ``services``."""


class Mutation(NamedTuple):
    """A change of one file.

    Attributes
    ----------
    name : str
    file : str
        Below the folder that has ``libs`` and ``services``.
    was, becomes : str
        The text to replace, which is there exactly once.
    fault : str
        The fault under which the change must be noticed.
    invariant : str
        The invariant that must be reported as broken.
    """

    name: str
    file: str
    was: str
    becomes: str
    fault: str
    invariant: str


COMMIT = """        names, batch = _encode_commit(self.tier, commit)
        applied,"""
EARLY_WATERMARK = """        names, batch = _encode_commit(self.tier, commit)
        early = {"watermark": commit.watermark, "watermark_at_ms": commit.watermark_at_ms, "epoch": commit.epoch}
        await self._store.redis.hset(keys.tier(self.tier), mapping=early)
        batch["expected_watermark"] = str(commit.watermark)
        applied,"""
COMPARE = (
    "if watermark ~= batch.expected_watermark or (epoch ~= batch.epoch and not (epoch == '' and watermark == '0')) then"
)
PUBLISH = "        await publish_rewards(self._bus, self.tier, unpublished, before)\n"
AFTER_COMMIT = """                return False
        self._count(results)"""
LATE_PUBLISH = """                return False
        await publish_rewards(self._bus, self.tier, unpublished, before)
        self._count(results)"""

APPEND = (
    "        stored = await bus.append(subject, encode(outcome), timeout_s, headers | traced if traced else headers)\n"
)
ONLY_SEND = """        await bus.publish(subject, encode(outcome), headers)
        stored = Appended(0, False)
"""
STALE = "stale=age_ms is None or age_ms > self._stale_after_ms"

TIER_STORE = "libs/pointsman/learning/tier_store.py"
LEDGER = "libs/pointsman/learning/ledger.py"
WRITER = "services/reward_updater/pointsman_reward_updater/outcome_writer.py"
GATEWAY = "services/gateway/pointsman_gateway/api/outcomes/log.py"
REPLICA = "services/decision/pointsman_decision/decision_handler.py"
SCRIPT = "libs/pointsman/learning/scripts/commit_outcomes.lua"

MUTATIONS = [
    Mutation("compare removed", SCRIPT, COMPARE, "if false then", "stalled lease holder, in silence", "I2"),
    Mutation("watermark before the commit", TIER_STORE, COMMIT, EARLY_WATERMARK, "killed before a commit", "I2"),
    Mutation(
        "applied bit not looked at",
        LEDGER,
        "if not self.bits.mark(outcome.decision_sequence):",
        "if self.bits.mark(outcome.decision_sequence) is None:",
        "outcomes appended again, reversed",
        "I2",
    ),
    Mutation("outcome not awaited in the log", GATEWAY, APPEND, ONLY_SEND, "hung, then kill -9, nats", "I1"),
    Mutation("staleness not reported", REPLICA, STALE, "stale=False", "reward_updater gone", "I5"),
    Mutation("rewards skipped", WRITER, PUBLISH, "", "SCRIPT FLUSH and CLIENT KILL", "rewards"),
    Mutation("rewards after the commit", WRITER, PUBLISH, "", "killed after a commit, before its reply", "rewards"),
]


def mutated(mutation: Mutation, folder: Path) -> Path:
    """Copy the code, take the safeguard out, and return where the copy is."""
    for name in ("libs", "services"):
        shutil.copytree(TREE / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    _replace(folder / mutation.file, mutation.was, mutation.becomes)
    if mutation.name == "rewards after the commit":
        _replace(folder / mutation.file, AFTER_COMMIT, LATE_PUBLISH)
    return folder


def _replace(file: Path, was: str, becomes: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(was) == 1, f"{file}: {text.count(was)} times {was!r}"
    file.write_text(text.replace(was, becomes), encoding="utf-8")
