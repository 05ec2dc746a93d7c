"""Inverse propensity scoring (IPS): believe the outcomes, each weighted by how much likelier the shadow made it.

Value: V̂ = (1/n) Σ w y with w = q(a|x)/p(a|x), the mean of `wy`. Difference: the mean of `wy − y`.

Unbiased whatever the outcomes are, as long as p is exact and above 0 wherever q is; its variance grows with the
weights. Clipped weights make it biased downwards for outcomes above 0.

Source: Horvitz, Thompson, *A generalization of sampling without replacement from a finite universe*, JASA 47 (1952);
for bandits Dudík, Langford, Li, ICML 2011, section 2.1, the second estimator there.
"""

from __future__ import annotations

from pointsman.core.off_policy.estimate import Estimator, form

INVERSE_PROPENSITY = Estimator("ips", value_form=form(wy=1.0), difference_form=form(wy=1.0, y=-1.0))
