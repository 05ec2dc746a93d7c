"""Sums over the decisions that a shadow policy was run on."""

import numpy as np

from pointsman.shadow.evaluation.decision_group import DecisionGroup
from pointsman.shadow.evaluation.shadow_policy import Evaluation
from pointsman.shadow.sums import hour_sums as fields
from pointsman.shadow.sums.hour_sums import Hours, comparison_identity, sums_at


def add_decisions(hours: Hours, identity: str, group: DecisionGroup, evaluation: Evaluation) -> None:
    """Add a shadow's evaluation of a group to the sums of the hours in which the log stored the decisions."""
    good = evaluation.distributions.good
    k = len(group.names)
    at = np.full(len(group), -1, dtype=np.intp)  # row in the group -> row in the evaluation
    at[evaluation.rows] = np.arange(len(evaluation.rows))
    for (hour, active), rows in group.by_slot(evaluation.rows[good]):
        sums = sums_at(hours, comparison_identity(identity, active), hour)
        counts = sums.counts
        q, p, chosen = evaluation.distributions.q[at[rows]], group.p[rows], group.chosen[rows]
        candidate = evaluation.candidate[at[rows]]
        counts[fields.DECISIONS] += len(rows)
        counts[fields.AGREED] += int((candidate == chosen).sum())
        counts[fields.AGREEMENT] += float((p * q).sum())
        counts[fields.GAIN] += float(((q - p) * group.model[rows]).sum())
        if unsupported := float(q[p <= 0.0].sum()):
            counts[fields.UNSUPPORTED] += unsupported
        sums.add_by_arm(fields.ACTIVE, group.names, p.sum(axis=0))
        sums.add_by_arm(fields.SHADOW, group.names, q.sum(axis=0))
        sums.add_by_arm(fields.SERVED, group.names, np.bincount(chosen, minlength=k))
        pairs = np.bincount(chosen * k + candidate, minlength=k * k)
        for index in np.flatnonzero(pairs).tolist():
            served, drawn = divmod(index, k)
            if served != drawn:
                counts[fields.pair_field(group.names[served], group.names[drawn])] += int(pairs[index])
    failed = evaluation.rows[sorted(evaluation.distributions.failed)]
    for (hour, active), rows in group.by_slot(failed):
        sums_at(hours, comparison_identity(identity, active), hour).counts[fields.ERRORS] += len(rows)
