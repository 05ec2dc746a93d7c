"""Shadow policies, and their evaluation on groups of logged decisions."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pointsman.contracts.messages.policies import PolicySpec
from pointsman.core.bandit import DistributionError, Estimates, FloatArray, Policy, PolicyError, make_policy
from pointsman.core.bandit.sampling import sample_rows
from pointsman.shadow.evaluation.decision_group import DecisionGroup, Rows, select
from pointsman.shadow.evaluation.draws import DRAW, SAMPLE, Keys, policy_key, uniforms

ERROR_LENGTH = 300


class Distributions(NamedTuple):
    """The distributions that a policy computed for n decisions.

    Attributes
    ----------
    q: NaN in the rows that failed. Shape (n, K).
    failed: By row that failed: the error text.
    """

    q: FloatArray
    failed: dict[int, str]

    @property
    def good(self) -> Rows:
        """The rows that did not fail."""
        rows = np.arange(len(self.q))
        return np.delete(rows, list(self.failed)) if self.failed else rows


class ShadowPolicy:
    """A shadow policy that is ready to run.

    A policy that cannot be built is kept too, so that the report shows its errors. ``version`` is the version of the
    tier's policies in which the shadow was added. A ``stateful`` shadow learns by a reward rule of its own, and so has
    its own A and b.
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
        """Return whether each decision is in the policy's sample of that share, shape (B,)."""
        if share >= 1.0:
            return np.ones(len(keys), dtype=np.bool_)
        return uniforms(keys[:, SAMPLE], self._key) < share

    def draws(self, group: DecisionGroup, rows: Rows) -> FloatArray:
        """Return the uniform number of each of these decisions."""
        return uniforms(group.keys[rows, DRAW], self._key)

    def distributions(self, estimates: Estimates) -> Distributions:
        """Return the policy's distributions for estimates of shape (n, K)."""
        n, k = estimates.mean.shape
        if self.policy is None:
            assert self.broken is not None
            return _all_failed(n, k, self.broken)
        known = np.isfinite(estimates.mean).all(axis=1) & np.isfinite(estimates.width).all(axis=1)
        if not known.all():
            return self._known_rows(estimates, np.flatnonzero(known))
        try:
            q = np.array(self.policy.probabilities(estimates), dtype=np.float64)
            if q.shape != (n, k):
                raise DistributionError(f"expected probabilities of shape {(n, k)}, got {q.shape}")
        except Exception as error:  # a third-party policy may raise anything; the error is counted
            if n == 1:
                return _all_failed(n, k, error)
            # Run the decisions one by one, so that only those that fail count as errors.
            parts = [self.distributions(select(estimates, np.array([row]))) for row in range(n)]
            failed = {row: part.failed[0] for row, part in enumerate(parts) if part.failed}
            return Distributions(np.concatenate([part.q for part in parts]), failed)
        bad = ~(np.isfinite(q).all(axis=1) & (np.abs(q.sum(axis=1) - 1.0) <= 1e-9))
        if not bad.any():
            return Distributions(q, {})
        q[bad] = np.nan
        text = _error_text(DistributionError("expected finite probabilities that sum to 1"))
        return Distributions(q, dict.fromkeys(np.flatnonzero(bad).tolist(), text))

    def _known_rows(self, estimates: Estimates, known: Rows) -> Distributions:
        """Return the distributions of the rows with finite estimates; the other rows fail."""
        n, k = estimates.mean.shape
        result = _all_failed(n, k, DistributionError("no finite estimates to choose by"))
        for row in known.tolist():
            del result.failed[row]
        if len(known):
            part = self.distributions(select(estimates, known))
            result.q[known] = part.q
            result.failed.update({int(known[row]): text for row, text in part.failed.items()})
        return result


class Evaluation(NamedTuple):
    """What a shadow would have done with the decisions of a group that it was run on.

    Attributes
    ----------
    rows: Rows of the group. Shape (n,).
    candidate: The candidate that the shadow drew; undefined in the rows that failed. Shape (n,).
    """

    rows: Rows
    distributions: Distributions
    candidate: Rows


def evaluate(shadow: ShadowPolicy, group: DecisionGroup, estimates: Estimates) -> Evaluation:
    """Run a shadow on a group, given the logged estimates or the shadow's own."""
    rows = np.flatnonzero(shadow.sampled(group.keys, shadow.sample))
    distributions = shadow.distributions(estimates if len(rows) == len(group) else select(estimates, rows))
    candidate = np.zeros(len(rows), dtype=np.intp)
    good = distributions.good
    if len(good) and shadow.policy is not None:
        drawn, _ = sample_rows(distributions.q[good], shadow.policy.exploration, shadow.draws(group, rows[good]))
        candidate[good] = drawn
    return Evaluation(rows, distributions, candidate)


def _all_failed(n: int, k: int, error: Exception) -> Distributions:
    return Distributions(np.full((n, k), np.nan), dict.fromkeys(range(n), _error_text(error)))


def _error_text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:ERROR_LENGTH]
