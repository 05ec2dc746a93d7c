"""Self-normalised inverse propensity scoring (SNIPS): IPS divided by the mean weight.

Value: V̂ = Σ w y / Σ w. Difference: Σ w y / Σ w − (1/n) Σ y. Variance by the delta method (`Form`).

The weights have mean 1 in expectation; dividing by what their mean came out as takes away the part of the error that
comes from seeing too many or too few heavy weights, and keeps the value inside the range of the outcomes. It has a
bias of order 1/n.

Source: Swaminathan, Joachims, *The self-normalized estimator for counterfactual learning*, NIPS 2015, section 4.
"""

from __future__ import annotations

from pointsman.core.off_policy.estimate import Estimator, form

SELF_NORMALIZED = Estimator(
    "snips", value_form=form(ratio={"wy": 1.0}), difference_form=form(ratio={"wy": 1.0}, y=-1.0)
)
