"""Self-normalised doubly robust (SNDR): DR with its correction divided by the mean weight.

Value: V̂ = (1/n) Σ Σₖ q(k|x) m(x,k) + Σ w (y − m) / Σ w. Difference: (1/n) Σ (gq − gp) + Σ w (y − m) / Σ w −
(1/n) Σ (y − m). Variance by the delta method (`Form`).

Calmer than DR where few heavy weights carry the correction, with a bias of order 1/n.

Source: Robins, Sued, Lei-Gomez, Rotnitzky, *Comment: performance of double-robust estimators when "inverse
probability" weights are highly variable*, Statistical Science 22 (2007); for bandits as in Open Bandit Pipeline (Saito,
Aihara, Matsutani, Narita, NeurIPS 2021 datasets and benchmarks).
"""

from __future__ import annotations

from pointsman.core.off_policy.estimate import Estimator, form

SELF_NORMALIZED_DOUBLY_ROBUST = Estimator(
    "sndr",
    value_form=form(ratio={"wy": 1.0, "wm": -1.0}, gq=1.0),
    difference_form=form(ratio={"wy": 1.0, "wm": -1.0}, gq=1.0, gp=-1.0, y=-1.0, m=1.0),
)
