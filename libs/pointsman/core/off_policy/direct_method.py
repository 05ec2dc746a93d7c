"""Direct method (DM): believe the model.

Value: V̂ = (1/n) Σ Σₖ q(k|x) m(x,k), the mean of `gq`. Difference: the mean of `gq − gp`.

It has the least variance of all, and whatever bias the model has, which no interval around it shows. The model is what
the arms expected when the decision was made, so nothing leaks from later outcomes. With an outcome for only some
decisions it still is a mean over those.

Source: Dudík, Langford, Li, *Doubly robust policy evaluation and learning*, ICML 2011, section 2.1, the first
estimator there.
"""

from __future__ import annotations

from pointsman.core.off_policy.estimate import Estimator, form

DIRECT_METHOD = Estimator("dm", value_form=form(gq=1.0), difference_form=form(gq=1.0, gp=-1.0))
