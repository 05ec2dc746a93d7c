"""What shadows with estimates of their own would have done, kept until the reward comes, within a bound. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from pointsman.runtime.store import keys
from pointsman.shadow.evaluation.decision_group import DecisionGroup
from pointsman.shadow.evaluation.evaluate import Evaluation, ShadowPolicy
from pointsman.shadow.sums.hour_sums import FLOAT
from pointsman.shadow.sums.progress import ShadowProgress

MAX_UNLINKED = 1000
"""Chunks of one policy that one commit unlinks at most."""
FORGOTTEN_CHUNKS = 100_000
"""Over a larger gap (the log was made anew, and its sequences jumped) chunks are not unlinked, but left to expire."""


def picks_of(shadow: ShadowPolicy, group: DecisionGroup, evaluation: Evaluation) -> dict[tuple[str, int], bytes]:
    """Return the distribution for each decision, by policy identity and sequence; empty where the policy failed."""
    sequences = group.sequences[evaluation.rows].tolist()
    made = evaluation.distributions
    rows = made.q.astype(FLOAT, copy=False)
    return {
        (shadow.identity, sequence): b"" if at in made.failed else rows[at].tobytes()
        for at, sequence in enumerate(sequences)
    }


def first_chunks(
    progress: ShadowProgress, picks: Iterable[tuple[str, int]], reached: int, pending: int
) -> tuple[dict[str, int | None], list[tuple[str, int]]]:
    """Return where each policy's picks begin after a batch, and the chunks before that, which go.

    Parameters
    ----------
    progress : ShadowProgress
        Before the batch; not changed.
    picks : iterable of (policy identity, decision sequence)
        Those of the batch.
    reached : int
        The watermark after it.
    pending : int
        How many decisions back picks are kept.

    Returns
    -------
    first : dict of policy identity to chunk
        Those that change; None for a policy that has no picks any more.
    dropped : list of (policy identity, chunk)
    """
    cutoff = keys.pick_chunk(max(reached - pending, 0))
    first: dict[str, int | None] = {}
    dropped: list[tuple[str, int]] = []
    for identity, chunk in progress.picks_from.items():
        runs = progress.runs.get(identity, [])
        last = runs[-1].through if runs else 0
        end = cutoff if cutoff - chunk > FORGOTTEN_CHUNKS else min(cutoff, chunk + MAX_UNLINKED)
        if end <= chunk:
            continue
        if cutoff - chunk <= FORGOTTEN_CHUNKS:
            dropped += [(identity, at) for at in range(chunk, end)]
        first[identity] = None if last is not None and keys.pick_chunk(last) < end else end
    for identity, sequence in picks:
        if identity not in progress.picks_from or first.get(identity, 0) is None:
            known = first.get(identity)
            chunk = keys.pick_chunk(sequence)
            first[identity] = chunk if known is None else min(known, chunk)
    return first, dropped
