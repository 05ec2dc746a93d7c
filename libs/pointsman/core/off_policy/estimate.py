"""Estimates with variance, computed from moments."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pointsman.core.bandit import FloatArray
from pointsman.core.off_policy.moments import Moments
from pointsman.core.off_policy.terms import TERMS

ROUNDING = 1e-12
"""A difference below this share of the sums it is computed from is a rounding error, and replaced by 0."""


class Estimate(NamedTuple):
    """An estimated mean over decisions.

    Attributes
    ----------
    value: In the unit of the outcome; NaN without data.
    variance: Variance of one term, with divisor n; NaN with `value`.
    count: Number of terms, one per decision with a known outcome.
    method: Key of `ESTIMATORS`.
    linear: Whether it is a plain mean of terms. The variance of a self-normalised estimate is that of its linear
        approximation (delta method), which is accurate for many terms only.
    """

    value: float
    variance: float
    count: float  # type: ignore[assignment]  # the number, not tuple.count
    method: str
    linear: bool = True

    @property
    def known(self) -> bool:
        """Whether value and variance are finite."""
        return math.isfinite(self.value) and math.isfinite(self.variance)

    @property
    def standard_error(self) -> float:
        """Standard error of the value, √(variance/n); NaN without terms."""
        return math.sqrt(self.variance / self.count) if self.count and self.known else math.nan

    def at_least(self, variance: float) -> Estimate:
        """Return the estimate with at least this variance; NaN changes nothing."""
        return self._replace(variance=variance) if variance > self.variance else self

    def scaled(self, factor: float) -> Estimate:
        """Return the estimate of `factor` times the mean, for example in another unit."""
        return self._replace(value=self.value * factor, variance=self.variance * factor**2)


@dataclass(frozen=True, slots=True)
class Form:
    """A function of the mean vector v̄ of the terms: c·v̄ + (a·v̄)/w̄, with w̄ the mean weight.

    Its variance is that of ψ = c·v + (a·v − θ w)/w̄ with θ = (a·v̄)/w̄, the first-order approximation of the ratio
    (delta method; Owen, *Monte Carlo theory, methods and examples*, 2013, section 9.2, eq. 9.9). Without a ratio ψ is
    c·v itself and nothing is approximated. ψ is linear in v, so its mean and variance are ψ·v̄ and ψᵀMψ/n − (ψ·v̄)².

    Attributes
    ----------
    linear, ratio: c and a, by term; absent terms are 0.
    """

    linear: Mapping[str, float]
    ratio: Mapping[str, float]

    def estimate(self, moments: Moments, method: str) -> Estimate:
        """Return the value and the variance of one term.

        NaN without decisions, and for a ratio when no decision has a weight above 0: the log then contains no
        information about the shadow's choices.
        """
        nothing = Estimate(math.nan, math.nan, moments.count, method, not self.ratio)
        if not moments.count:
            return nothing
        mean = moments.matrix[0] / moments.count
        coefficients = _vector(self.linear)
        value = _dot(coefficients, mean)
        if self.ratio:
            weight = mean[TERMS.index("w")]
            if not weight > 0:
                return nothing
            numerator = _vector(self.ratio)
            theta = float(numerator @ mean) / weight
            # The two halves cancel when the policies are the same, so they are summed as one form.
            value = _dot(coefficients + numerator / weight, mean)
            coefficients = coefficients + (numerator - theta * _vector({"w": 1.0})) / weight
        return Estimate(value, _variance(coefficients, moments, mean), moments.count, method, not self.ratio)


@dataclass(frozen=True, slots=True)
class Estimator:
    """An off-policy estimator of the shadow's value, and of its difference from the active policy.

    Attributes
    ----------
    name: Its key in `ESTIMATORS`.
    value_form, difference_form: The formulas.
    """

    name: str
    value_form: Form
    difference_form: Form

    def value(self, moments: Moments) -> Estimate:
        """Return the estimated outcome of one decision of the shadow."""
        return self.value_form.estimate(moments, self.name)

    def difference(self, moments: Moments) -> Estimate:
        """Return the estimated outcome of one decision of the shadow minus that of the active policy.

        Each decision is compared with itself, so effects on both policies cancel, and the difference is 0 with variance
        0 when both have the same probabilities.
        """
        return self.difference_form.estimate(moments, self.name)


def form(ratio: Mapping[str, float] | None = None, **linear: float) -> Form:
    """Return the form with these coefficients, by term."""
    return Form(linear, ratio or {})


def _vector(coefficients: Mapping[str, float]) -> FloatArray:
    return np.array([coefficients.get(term, 0.0) for term in TERMS])


def _dot(coefficients: FloatArray, mean: FloatArray) -> float:
    products = coefficients * mean
    return _unless_rounding(float(products.sum()), float(np.abs(products).sum()))


def _variance(coefficients: FloatArray, moments: Moments, mean: FloatArray) -> float:
    """Return ψᵀMψ/n − (ψ·v̄)²; 0 when it is a rounding error."""
    products = np.outer(coefficients, coefficients) * moments.matrix / moments.count
    variance = float(products.sum()) - float(coefficients @ mean) ** 2
    return max(_unless_rounding(variance, float(np.abs(products).sum())), 0.0)


def _unless_rounding(difference: float, size: float) -> float:
    return difference if abs(difference) > ROUNDING * size else 0.0
