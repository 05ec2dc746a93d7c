"""Off-policy estimators: formulas, properties and sources.

Notation: n decisions; p and q are the distributions of the active policy and of the shadow; w = q(a)/p(a) is the weight
of the served arm a; y is the outcome; m is the model's estimate, made before the outcome was known. `gq`, `gp`, `wy`
and `wm` are terms of `pointsman.core.off_policy.terms`.
"""

from pointsman.core.off_policy.estimate import Estimator, form

DIRECT_METHOD = Estimator("dm", value_form=form(gq=1.0), difference_form=form(gq=1.0, gp=-1.0))
"""Direct method (DM): trust the model. Value: (1/n) Σ Σₖ q(k|x) m(x,k). Difference: mean of gq − gp.

It has the smallest variance of all, and the bias of the model, which no interval around it shows. With outcomes for
only some decisions it is a mean over those.

Source: Dudík, Langford, Li, *Doubly robust policy evaluation and learning*, ICML 2011, section 2.1, first estimator.
"""

INVERSE_PROPENSITY = Estimator("ips", value_form=form(wy=1.0), difference_form=form(wy=1.0, y=-1.0))
"""Inverse propensity scoring (IPS). Value: (1/n) Σ w y. Difference: mean of (w − 1) y.

Unbiased for any outcomes, if p is exact and above 0 wherever q is. The variance grows with the weights; clipped weights
cause a negative bias for outcomes above 0.

Source: Horvitz, Thompson, *A generalization of sampling without replacement from a finite universe*, JASA 47 (1952);
for bandits Dudík, Langford, Li, ICML 2011, section 2.1, second estimator.
"""

SELF_NORMALIZED = Estimator(
    "snips", value_form=form(ratio={"wy": 1.0}), difference_form=form(ratio={"wy": 1.0}, y=-1.0)
)
"""Self-normalised inverse propensity scoring (SNIPS). Value: Σ w y / Σ w. Difference: Σ w y / Σ w − (1/n) Σ y.

The expected weight is 1. Division by the observed mean removes the error that too many or too few large weights cause,
and keeps the value in the range of the outcomes. The bias is of order 1/n; variance by the delta method (`Form`).

Source: Swaminathan, Joachims, *The self-normalized estimator for counterfactual learning*, NIPS 2015, section 4.
"""

DOUBLY_ROBUST = Estimator(
    "dr",
    value_form=form(gq=1.0, wy=1.0, wm=-1.0),
    difference_form=form(gq=1.0, gp=-1.0, wy=1.0, wm=-1.0, y=-1.0, m=1.0),
)
"""Doubly robust (DR): the model's expectation, corrected by its weighted errors. The estimator in reports.

Value: (1/n) Σ [Σₖ q(k|x) m(x,k) + w (y − m(x,a))]. Difference: mean of d = gq − gp + (w − 1)(y − m), the value above
minus the same for the active policy, whose weight is 1. The model is a control variate in both; d is 0 when q = p.

Unbiased if p is exact, for any model, because the model is a function of what was known before the outcome. The better
the model, the smaller the variance: that of gq − gp for a model without error.

Source: Dudík, Langford, Li, *Doubly robust policy evaluation and learning*, ICML 2011, eq. 1.
"""

SELF_NORMALIZED_DOUBLY_ROBUST = Estimator(
    "sndr",
    value_form=form(ratio={"wy": 1.0, "wm": -1.0}, gq=1.0),
    difference_form=form(ratio={"wy": 1.0, "wm": -1.0}, gq=1.0, gp=-1.0, y=-1.0, m=1.0),
)
"""Self-normalised doubly robust (SNDR): DR with its correction divided by the mean weight.

Value: (1/n) Σ gq + Σ w (y − m) / Σ w. Difference: (1/n) Σ (gq − gp) + Σ w (y − m) / Σ w − (1/n) Σ (y − m).

More stable than DR when few large weights dominate the correction. The bias is of order 1/n; variance by the delta
method (`Form`).

Source: Robins, Sued, Lei-Gomez, Rotnitzky, *Comment: performance of double-robust estimators when "inverse
probability" weights are highly variable*, Statistical Science 22 (2007); for bandits as in Open Bandit Pipeline (Saito,
Aihara, Matsutani, Narita, NeurIPS 2021 datasets and benchmarks).
"""

ESTIMATORS: dict[str, Estimator] = {
    estimator.name: estimator
    for estimator in (
        DIRECT_METHOD,
        INVERSE_PROPENSITY,
        SELF_NORMALIZED,
        DOUBLY_ROBUST,
        SELF_NORMALIZED_DOUBLY_ROBUST,
    )
}
"""Every estimator by its name in reports."""


def difference_bound(weight: float) -> float:
    """Return the largest possible |d| of DR, for outcomes and model within 0 to 1.

    gq − gp is within ±1, and (w − 1)(y − m) within ±max(1, weight − 1).

    Parameters
    ----------
    weight : float
        The largest q/p of any candidate, served or not, or the clip if that is less; ValueError unless above 0.
    """
    if not weight > 0:
        raise ValueError(f"weight must be above 0, not {weight}")
    return 1.0 + max(1.0, weight - 1.0)
