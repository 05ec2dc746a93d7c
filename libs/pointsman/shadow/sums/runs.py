"""Runs: the stretches of the decision log that each shadow policy was run on. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from pointsman.shadow.evaluation.decision_group import Rows
from pointsman.shadow.evaluation.draws import Keys
from pointsman.shadow.evaluation.shadow_policy import ShadowPolicy

MAX_RUNS = 32
"""Runs that are stored per policy. Rewards for decisions of earlier runs no longer count."""
MAX_IDENTITIES = 256
"""Policies whose runs are stored."""


class Run(msgspec.Struct, array_like=True):
    """A stretch of the decision log that a policy was run on.

    Attributes
    ----------
    after: The run starts with the first decision above this sequence.
    through: The last decision; None while the run continues.
    sample: The share of decisions that the policy was run on.
    stateful: Whether the policy had its own A and b.
    """

    after: int
    through: int | None
    sample: float = 1.0
    stateful: bool = False

    def ended(self, through: int) -> list[Run]:
        """Return the run with its end, or an empty list if it then has no decision."""
        return [msgspec.structs.replace(self, through=through)] if self.after < through else []

    def continues(self, shadow: ShadowPolicy | None) -> bool:
        """Return whether the shadow still runs in the same way."""
        return shadow is not None and (self.sample, self.stateful) == (shadow.sample, shadow.stateful)


class Covered(NamedTuple):
    """The decisions that a shadow was run on.

    Attributes
    ----------
    stateless: Rows for which the logged estimates determine what the shadow would have done.
    stateful: Rows for which only a stored pick records it.
    """

    stateless: Rows
    stateful: Rows


def covered(shadow: ShadowPolicy, runs: Sequence[Run], sequences: NDArray[np.int64], keys: Keys) -> Covered:
    """Return the decisions that the shadow was run on, according to its runs."""
    found = {False: np.zeros(len(sequences), dtype=np.bool_), True: np.zeros(len(sequences), dtype=np.bool_)}
    for run in runs:
        within = sequences > run.after
        if run.through is not None:
            within &= sequences <= run.through
        if within.any():
            found[run.stateful] |= within & shadow.sampled(keys, run.sample)
    return Covered(np.flatnonzero(found[False]), np.flatnonzero(found[True]))


def runs_after_batch(
    runs: Mapping[str, list[Run]], shadows: Iterable[ShadowPolicy], before: int
) -> dict[str, list[Run]]:
    """Return the runs that change, by policy identity, when these shadows are run on the decisions after ``before``.

    ``before`` is the watermark before the batch; ``runs`` is not changed. An empty list removes a policy.
    """
    changed: dict[str, list[Run]] = {}
    now = {shadow.identity: shadow for shadow in shadows}
    for identity, known in runs.items():
        if known and known[-1].through is None and not known[-1].continues(now.get(identity)):
            changed[identity] = [*known[:-1], *known[-1].ended(before)]
    for identity, shadow in now.items():
        known = changed.get(identity, runs.get(identity, []))
        if not known or known[-1].through is not None:
            changed[identity] = [*known, Run(before, None, shadow.sample, shadow.stateful)][-MAX_RUNS:]
    excess = len(runs.keys() | changed.keys()) - MAX_IDENTITIES
    if changed and excess > 0:
        ended = sorted(
            (known[-1].through, identity)
            for identity, known in {**runs, **changed}.items()
            if known and known[-1].through is not None
        )
        changed |= {identity: [] for _, identity in ended[:excess]}
    return changed


def truncate_runs(runs: Mapping[str, list[Run]], end: int) -> dict[str, list[Run]]:
    """Return the runs that change when an older copy of the log, which ends at ``end``, was restored."""
    changed: dict[str, list[Run]] = {}
    for identity, known in runs.items():
        kept = [
            msgspec.structs.replace(run, through=None if run.through is None else min(run.through, end))
            for run in known
            if run.after < end
        ]
        if kept != known:
            changed[identity] = kept
    return changed
