"""Running shadow policies on logged decisions. Pure: no I/O, the same result whenever and wherever it is done."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pointsman.contracts.messages.policies import PolicySpec
from pointsman.core.bandit import DistributionError, Estimates, FloatArray, Policy, PolicyError, make_policy
from pointsman.core.bandit.sampling import sample_rows
from pointsman.shadow.evaluation.decision_group import DecisionGroup, Rows, select
from pointsman.shadow.evaluation.draws import DRAW, SAMPLE, Keys, policy_key, uniforms
from pointsman.shadow.sums import hour_sums as fields
from pointsman.shadow.sums.hour_sums import HourSums

ERROR_LENGTH = 300

Hours = dict[tuple[str, int], HourSums]
"""What a batch adds to the sums, by policy identity and hour."""


class Distributions(NamedTuple):
    """What a policy made of n decisions.

    Attributes
    ----------
    q : ndarray, shape (n, K)
        NaN in the rows that failed.
    failed : dict of row to str
        What was raised.
    """

    q: FloatArray
    failed: dict[int, str]

    @property
    def good(self) -> Rows:
        """The rows that did not fail."""
        rows = np.arange(len(self.q))
        return np.delete(rows, list(self.failed)) if self.failed else rows


class ShadowPolicy:
    """A shadow policy, ready to be run.

    A policy that cannot be built is kept all the same, so that the report shows its errors.

    Parameters
    ----------
    spec : PolicySpec
    version : int
        Of the tier's policies, when the shadow was put in.
    stateful : bool
        Whether it learns by a rule of its own, and so has estimates of its own.
    """

    def __init__(self, spec: PolicySpec, version: int, stateful: bool = False) -> None:
        self.spec = spec
        self.version = version
        self.stateful = stateful
        self.identity = spec.identity
        self.sample = 1.0 if spec.sample is None else spec.sample
        self.policy: Policy | None = None
        self.broken: PolicyError | None = None
        self._key = policy_key(self.identity)
        try:
            self.policy = make_policy(spec.algorithm, spec.parameters)
        except PolicyError as error:
            self.broken = error

    def sampled(self, keys: Keys, share: float) -> NDArray[np.bool_]:
        """Tell for each decision whether the policy is run on it when it is run on that share, shape (B,)."""
        if share >= 1.0:
            return np.ones(len(keys), dtype=np.bool_)
        return uniforms(keys[:, SAMPLE], self._key) < share

    def draws(self, group: DecisionGroup, rows: Rows) -> FloatArray:
        """Return the uniform number of each of these decisions."""
        return uniforms(group.keys[rows, DRAW], self._key)

    def distributions(self, estimates: Estimates) -> Distributions:
        """Return what the policy makes of estimates of shape (n, K)."""
        n, k = estimates.mean.shape
        if self.policy is None:
            assert self.broken is not None
            return _nothing(n, k, self.broken)
        known = np.isfinite(estimates.mean).all(axis=1) & np.isfinite(estimates.width).all(axis=1)
        if not known.all():
            return self._of_known(estimates, np.flatnonzero(known))
        try:
            q = np.array(self.policy.probabilities(estimates), dtype=np.float64)
            if q.shape != (n, k):
                raise DistributionError(f"expected probabilities of shape {(n, k)}, got {q.shape}")
        except Exception as error:  # a policy from outside may raise anything: it is counted, and harms nothing
            if n == 1:
                return _nothing(n, k, error)
            # Only those it cannot do should count as errors: once more, one by one.
            parts = [self.distributions(select(estimates, np.array([row]))) for row in range(n)]
            failed = {row: part.failed[0] for row, part in enumerate(parts) if part.failed}
            return Distributions(np.concatenate([part.q for part in parts]), failed)
        bad = ~(np.isfinite(q).all(axis=1) & (np.abs(q.sum(axis=1) - 1.0) <= 1e-9))
        if not bad.any():
            return Distributions(q, {})
        q[bad] = np.nan
        text = _error_text(DistributionError("expected finite probabilities that sum to 1"))
        return Distributions(q, dict.fromkeys(np.flatnonzero(bad).tolist(), text))

    def _of_known(self, estimates: Estimates, known: Rows) -> Distributions:
        """Return what the policy makes of those rows; the others have failed."""
        n, k = estimates.mean.shape
        made = _nothing(n, k, DistributionError("no finite estimates to choose by"))
        for row in known.tolist():
            del made.failed[row]
        if len(known):
            some = self.distributions(select(estimates, known))
            made.q[known] = some.q
            made.failed.update({int(known[row]): text for row, text in some.failed.items()})
        return made


class Evaluation(NamedTuple):
    """What a shadow made of the decisions of a group that it was run on.

    Attributes
    ----------
    rows : ndarray, shape (n,)
        Which decisions of the group.
    distributions : Distributions
    candidate : ndarray, shape (n,)
        What it drew; of no meaning in the rows that failed.
    """

    rows: Rows
    distributions: Distributions
    candidate: Rows


def evaluate(shadow: ShadowPolicy, group: DecisionGroup, estimates: Estimates) -> Evaluation:
    """Run a shadow on a group, given what it knows: the logged estimates, or its own."""
    rows = np.flatnonzero(shadow.sampled(group.keys, shadow.sample))
    made = shadow.distributions(estimates if len(rows) == len(group) else select(estimates, rows))
    candidate = np.zeros(len(rows), dtype=np.intp)
    good = made.good
    if len(good) and shadow.policy is not None:
        drawn = sample_rows(made.q[good], shadow.policy.exploration, shadow.draws(group, rows[good]))
        candidate[good] = drawn[0]
    return Evaluation(rows, made, candidate)


def add_decisions(hours: Hours, identity: str, group: DecisionGroup, evaluation: Evaluation) -> None:
    """Add one shadow's evaluation of a group to the report's sums, by the hour in which the log took each decision."""
    good = evaluation.distributions.good
    k = len(group.names)
    at = np.full(len(group), -1, dtype=np.intp)  # from a decision's row in the group to its row in the evaluation
    at[evaluation.rows] = np.arange(len(evaluation.rows))
    for slot, rows in group.by_slot(evaluation.rows[good]):
        counts = sums_of(hours, slot.key(identity)).counts
        q, p, chosen = evaluation.distributions.q[at[rows]], group.p[rows], group.chosen[rows]
        candidate = evaluation.candidate[at[rows]]
        counts[fields.DECISIONS] += len(rows)
        counts[fields.AGREED] += int((candidate == chosen).sum())
        counts[fields.AGREEMENT] += float((p * q).sum())
        counts[fields.GAIN] += float(((q - p) * group.model[rows]).sum())
        unsupported = float(q[p <= 0.0].sum())
        if unsupported:
            counts[fields.UNSUPPORTED] += unsupported
        add_by_arm(counts, group.names, fields.active_mass, p.sum(axis=0))
        add_by_arm(counts, group.names, fields.shadow_mass, q.sum(axis=0))
        add_by_arm(counts, group.names, fields.served, np.bincount(chosen, minlength=k))
        pairs = np.bincount(chosen * k + candidate, minlength=k * k)
        for index in np.flatnonzero(pairs).tolist():
            active, drawn = divmod(index, k)
            if active != drawn:
                counts[fields.pair(group.names[active], group.names[drawn])] += int(pairs[index])
    if evaluation.distributions.failed:
        failed = evaluation.rows[sorted(evaluation.distributions.failed)]
        for slot, rows in group.by_slot(failed):
            sums_of(hours, slot.key(identity)).counts[fields.ERRORS] += len(rows)


def sums_of(hours: Hours, key: tuple[str, int]) -> HourSums:
    """Return the sums of a policy and an hour; begin them where there are none."""
    sums = hours.get(key)
    if sums is None:
        sums = hours[key] = HourSums(counts=defaultdict(float))
    return sums


def add_by_arm(
    counts: dict[str, float], names: list[str], name_of: Callable[[str], str], numbers: NDArray[Any]
) -> None:
    """Add a number for each arm, K of them, to the field that the arm has for it."""
    for name, number in zip(names, numbers.tolist(), strict=True):
        if number:
            counts[name_of(name)] += number


def _nothing(n: int, k: int, error: Exception) -> Distributions:
    return Distributions(np.full((n, k), np.nan), dict.fromkeys(range(n), _error_text(error)))


def _error_text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:ERROR_LENGTH]
