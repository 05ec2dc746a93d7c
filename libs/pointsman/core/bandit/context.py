"""Contexts: validation of the feature vector x of a request."""

import math
from collections.abc import Sequence
from typing import Literal

from pointsman.core.bandit.errors import ContextError

Mismatch = Literal["reject", "pad"]

LARGEST = 1e6
"""Features should be of size 1. Their squares are summed without end; a larger feature would hide all others."""


def conform(context: Sequence[float], dim: int, mismatch: Mismatch = "reject") -> list[float]:
    """Return the context as ``dim`` finite floats.

    Parameters
    ----------
    dim : int
        d, the length of the contexts of the arms.
    mismatch : {"reject", "pad"}
        How to treat another length: raise an error, or truncate the context or append zeros, as the reference does.

    Raises
    ------
    ContextError
        When the length is wrong and ``mismatch`` is ``reject``, or a number is not finite or too large.
    """
    if len(context) != dim:
        if mismatch == "reject":
            raise ContextError(f"expected {dim} numbers, got {len(context)}")
        context = [*context[:dim], *[0.0] * (dim - len(context))]
    x = [float(value) for value in context]
    # Fast check of the usual case; only a bad vector is searched for the bad number.
    if not (max(x) <= LARGEST and min(x) >= -LARGEST and all(map(math.isfinite, x))):
        for index, value in enumerate(x):
            if not math.isfinite(value):
                raise ContextError(f"[{index}]: expected a finite number, got {value}")
            if abs(value) > LARGEST:
                raise ContextError(
                    f"[{index}]: expected at most {LARGEST:g} in absolute value, got {value:g}; scale the features"
                )
    return x
