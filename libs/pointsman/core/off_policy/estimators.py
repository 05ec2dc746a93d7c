"""Every estimator, by the name reports use."""

from __future__ import annotations

from pointsman.core.off_policy.direct_method import DIRECT_METHOD
from pointsman.core.off_policy.doubly_robust import DOUBLY_ROBUST
from pointsman.core.off_policy.estimate import Estimator
from pointsman.core.off_policy.inverse_propensity import INVERSE_PROPENSITY
from pointsman.core.off_policy.self_normalized import SELF_NORMALIZED
from pointsman.core.off_policy.self_normalized_doubly_robust import SELF_NORMALIZED_DOUBLY_ROBUST

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
