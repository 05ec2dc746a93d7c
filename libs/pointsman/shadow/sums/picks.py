"""Picks: the distributions of stateful shadows, stored until the rewards of the decisions arrive. Pure.

The logged estimates determine what a stateless shadow would have done; a stateful shadow has its own A and b, which
have changed by the time of the reward.
"""

from collections.abc import Iterable

from pointsman.runtime.store import keys
from pointsman.shadow.evaluation.decision_group import DecisionGroup
from pointsman.shadow.evaluation.shadow_policy import Evaluation, ShadowPolicy
from pointsman.shadow.sums.hour_sums import FLOAT
from pointsman.shadow.sums.progress import ShadowProgress

MAX_UNLINKED = 1000
"""Chunks of one policy that one commit unlinks at most."""
MAX_GAP = 100_000
"""Chunks before a larger gap, as when the log was created again and its sequences jumped, expire instead."""


def picks_from_evaluation(
    shadow: ShadowPolicy, group: DecisionGroup, evaluation: Evaluation
) -> dict[tuple[str, int], bytes]:
    """Return the packed distribution by policy identity and decision sequence; empty where the policy failed."""
    distributions = evaluation.distributions
    q = distributions.q.astype(FLOAT, copy=False)
    return {
        (shadow.identity, sequence): b"" if row in distributions.failed else q[row].tobytes()
        for row, sequence in enumerate(group.sequences[evaluation.rows].tolist())
    }


def expire_picks(
    progress: ShadowProgress, picks: Iterable[tuple[str, int]], reached: int, pending: int
) -> tuple[dict[str, int | None], list[tuple[str, int]]]:
    """Return the first chunk of picks of each policy after a batch, and the earlier chunks to unlink.

    Parameters
    ----------
    progress : ShadowProgress
        Before the batch; not changed.
    picks : iterable of (policy identity, decision sequence)
        The picks of the batch.
    reached : int
        The watermark after the batch.
    pending : int
        Number of most recent decisions whose picks are kept.

    Returns
    -------
    first : dict of policy identity to chunk
        Only those that change; None for a policy without picks.
    dropped : list of (policy identity, chunk)
    """
    cutoff = keys.pick_chunk(max(reached - pending, 0))
    first: dict[str, int | None] = {}
    dropped: list[tuple[str, int]] = []
    for identity, chunk in progress.picks_from.items():
        runs = progress.runs.get(identity, [])
        last = runs[-1].through if runs else 0
        end = cutoff if cutoff - chunk > MAX_GAP else min(cutoff, chunk + MAX_UNLINKED)
        if end <= chunk:
            continue
        if cutoff - chunk <= MAX_GAP:
            dropped += [(identity, at) for at in range(chunk, end)]
        first[identity] = None if last is not None and keys.pick_chunk(last) < end else end
    for identity, sequence in picks:
        if identity not in progress.picks_from or first.get(identity, 0) is None:
            known = first.get(identity)
            chunk = keys.pick_chunk(sequence)
            first[identity] = chunk if known is None else min(known, chunk)
    return first, dropped
