"""Which decisions each shadow was run on: what is noted when a set of shadows has been run on a batch. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from pointsman.shadow.evaluation.evaluate import ShadowPolicy
from pointsman.shadow.sums.progress import Run

MAX_RUNS = 32
"""Of one policy; rewards for decisions of runs before that count no more."""
MAX_IDENTITIES = 256
"""Policies whose runs are remembered."""


def after_batch(runs: dict[str, list[Run]], shadows: Iterable[ShadowPolicy], before: int) -> dict[str, list[Run]]:
    """Return the runs that change when these shadows, and no others, are run on the decisions after ``before``.

    Parameters
    ----------
    runs : dict of policy identity to its runs
        Not changed.
    before : int
        The watermark that the batch begins after.

    Returns
    -------
    dict of policy identity to its runs
        Only those that change; empty lists for those to forget.
    """
    changed: dict[str, list[Run]] = {}
    now = {shadow.identity: shadow for shadow in shadows}
    for identity, known in runs.items():
        if known and known[-1].through is None and not _goes_on(known[-1], now.get(identity)):
            changed[identity] = [*known[:-1], *_ended(known[-1], before)]
    for identity, shadow in now.items():
        known = changed.get(identity, runs.get(identity, []))
        if not known or known[-1].through is not None:
            begun = Run(before, None, shadow.sample, shadow.stateful)
            changed[identity] = [*known, begun][-MAX_RUNS:]
    total = len(runs.keys() | changed.keys())
    if changed and total > MAX_IDENTITIES:
        merged = {**runs, **changed}
        ended = sorted(
            (known[-1].through, identity)
            for identity, known in merged.items()
            if known and known[-1].through is not None
        )
        changed |= {identity: [] for _, identity in ended[: total - MAX_IDENTITIES]}
    return changed


def cut_at(runs: dict[str, list[Run]], end: int) -> dict[str, list[Run]]:
    """Return the runs that change when the log ends at ``end`` all of a sudden, because an older copy was put back."""
    changed: dict[str, list[Run]] = {}
    for identity, known in runs.items():
        kept = [
            Run(run.after, None if run.through is None else min(run.through, end), run.sample, run.stateful)
            for run in known
            if run.after < end
        ]
        if kept != known:
            changed[identity] = kept
    return changed


def _goes_on(run: Run, shadow: ShadowPolicy | None) -> bool:
    return shadow is not None and (run.sample, run.stateful) == (shadow.sample, shadow.stateful)


def _ended(run: Run, through: int) -> list[Run]:
    """Return the run with its end, or nothing when it has no decision."""
    return [Run(run.after, through, run.sample, run.stateful)] if run.after < through else []
