"""Doubly robust (DR): the model's expectation, corrected by the weighted errors it made. What reports show.

Value: V̂ = (1/n) Σ [ Σₖ q(k|x) m(x,k) + w (y − m(x,a)) ], the mean of `gq + wy − wm`.

Difference: the mean of d = gq − gp + (w − 1)(y − m), that is `gq − gp + wy − wm − y + m`: the value above less the
same for the active policy, whose weight is 1. The model serves both as a control variate, and d is exactly 0 when
q = p.

Unbiased if p is exact, however bad the model, because the model for a decision is a function of what was known before
its outcome; the better the model, the smaller the variance, and a model without error leaves only that of gq − gp.

Source: Dudík, Langford, Li, *Doubly robust policy evaluation and learning*, ICML 2011, eq. 1.
"""

from __future__ import annotations

from pointsman.core.off_policy.estimate import Estimator, form

DOUBLY_ROBUST = Estimator(
    "dr",
    value_form=form(gq=1.0, wy=1.0, wm=-1.0),
    difference_form=form(gq=1.0, gp=-1.0, wy=1.0, wm=-1.0, y=-1.0, m=1.0),
)


def difference_bound(weight: float) -> float:
    """Return the largest |d| possible for weights up to `weight`, with outcomes and model within 0 to 1.

    gq − gp lies within ±1 and (w − 1)(y − m) within ±max(1, weight − 1).

    Parameters
    ----------
    weight : float
        The largest q/p of any candidate (not only of those served: what could have been drawn counts), or the clip if
        that is less.

    Raises
    ------
    ValueError
        If the weight is not above 0: then it is unknown.
    """
    if not weight > 0:
        msg = f"weight must be above 0, not {weight}"
        raise ValueError(msg)
    return 1.0 + max(1.0, weight - 1.0)
