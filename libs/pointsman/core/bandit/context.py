"""Contexts: the feature vector x of a request, and what to do when its length is off."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from pointsman.core.bandit.errors import ContextError

Mismatch = Literal["reject", "pad"]

LARGEST = 1e6
"""Features are meant to be of size 1. Their squares are summed up for ever; one beyond this would drown the rest."""


def conform(context: Sequence[float], dim: int, mismatch: Mismatch = "reject") -> list[float]:
    """Return the context as ``dim`` finite floats.

    Parameters
    ----------
    context : sequence of float
    dim : int
        The length the arms expect.
    mismatch : {"reject", "pad"}
        What to do with another length: raise, or cut off the end and fill up with zeros as the reference does.

    Raises
    ------
    ContextError
        When the length is off and is to be rejected, or a number is not finite or too large.
    """
    if len(context) != dim:
        if mismatch == "reject":
            raise ContextError(f"expected {dim} numbers, got {len(context)}")
        context = [*context[:dim], *[0.0] * (dim - len(context))]
    x = [float(value) for value in context]
    # One pass in C decides the usual case; only a bad vector pays for the search of the bad number.
    if not (max(x) <= LARGEST and min(x) >= -LARGEST and all(map(math.isfinite, x))):
        for index, value in enumerate(x):
            if not math.isfinite(value):
                raise ContextError(f"[{index}]: expected a finite number, got {value}")
            if abs(value) > LARGEST:
                raise ContextError(
                    f"[{index}]: expected at most {LARGEST:g} in size, got {value:g}; scale the features"
                )
    return x
