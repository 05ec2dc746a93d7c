"""Probability that each of K independent normal variables is the largest, for many rows at once."""

from __future__ import annotations

import math
import sys
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pointsman.core.bandit.arm_state import FloatArray
from pointsman.core.bandit.normal_table import REACH, normal

NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)
"""Gauss-Legendre quadrature on [−1, 1]: exact for polynomials up to degree 31."""

MANY = 16
PANEL, PANEL_OF_MANY = 4.0, 2.5
"""Longest panel, in standard deviations of the narrowest variable that varies in it. The maximum of many variables
varies less than each of them, by a factor of about √(2 ln K)."""

BLOCK = 2**14
"""Numbers per step, so that they fit into the processor's cache."""


class _Panels(NamedTuple):
    """Q intervals of the real line, grouped by row, in the coordinate ``z = (s − mean) / deviation``.

    Each uses the coordinate of a variable that is about as narrow as any that varies there. In a common coordinate the
    position of a narrow variable far from 0 would be lost in rounding.

    Attributes
    ----------
    row: Shape (Q,).
    mean, deviation: Mean and deviation of the variable whose coordinate is used. Shape (Q,).
    middle, half: The panel is from ``middle − half`` to ``middle + half``. Shape (Q,).
    """

    row: NDArray[np.intp]
    mean: FloatArray
    deviation: FloatArray
    middle: FloatArray
    half: FloatArray

    def part(self, begin: int, end: int) -> _Panels:
        """Return a slice of the panels."""
        at = slice(begin, end)
        return _Panels(self.row[at], self.mean[at], self.deviation[at], self.middle[at], self.half[at])


def probability_of_best(mean: FloatArray, deviation: FloatArray, floor: FloatArray | None = None) -> FloatArray:
    """Return for each variable the probability that it is the largest and above the floor, shape (B, K).

    With F = Π_j Φ_j, the distribution of the largest,

        P(k is the largest) = ∫ φ_k(s) Π_{j≠k} Φ_j(s) ds = ∫ (φ_k(s) / Φ_k(s)) F(s) ds,

    so that every node of the quadrature needs each φ and Φ once, not once for each pair. The integral starts where one
    variable has nearly all its probability above (F < 4e-14 below), which keeps every Φ_k well away from 0. From there
    on each variable stops varying at the upper end of its reach; between these points the line is divided into panels
    of a few standard deviations of the narrowest remaining variable. Scaled to sum to 1, the error is at most 1e-9.

    Parameters
    ----------
    mean, deviation : ndarray, shape (B, K)
        Finite; each deviation above 0.
    floor : ndarray, shape (B,), optional
        Lower limit of the integral; −∞ by default.
    """
    begin = (mean - REACH * deviation).max(axis=1)
    if floor is not None:
        np.maximum(begin, floor, out=begin)
    alone = len(mean) == 1 and mean.shape[1] <= MANY
    panels = _panels_of_one(mean, deviation, begin) if alone else _panels(mean, deviation, begin)
    found = np.empty((len(panels.row), mean.shape[1]))
    step = max(1, BLOCK // (mean.shape[1] * len(NODES)))
    for at in range(0, len(found), step):
        _integrate(mean, deviation, panels.part(at, at + step), found[at : at + step])
    if len(mean) == 1:
        p: FloatArray = found.sum(axis=0, keepdims=True)
    else:
        p = np.add.reduceat(found, np.searchsorted(panels.row, np.arange(len(mean))), axis=0)
    return p


def _panels(mean: FloatArray, deviation: FloatArray, begin: FloatArray) -> _Panels:
    """Cut each row's line from ``begin`` to the end of the last variable's reach; at least one panel a row.

    Ordered by upper ends, a variable determines the panels up to its own end if it is narrower, by powers of two, than
    all that end later. All other variables that vary there are at least about as wide.
    """
    rows, k = mean.shape
    by_end = (mean + REACH * deviation).argsort(axis=1)
    by_end += np.arange(rows)[:, None] * k
    octave = np.frexp(deviation.take(by_end))[1]
    narrowest = np.minimum.accumulate(octave[:, ::-1], axis=1)[:, ::-1]
    rules = np.ones((rows, k), dtype=bool)
    np.less(octave[:, :-1], narrowest[:, 1:], out=rules[:, :-1])
    ruler = by_end[rules]
    row = ruler // k
    m, s = mean.take(ruler), deviation.take(ruler)
    low = (begin.take(row) - m) / s
    before = ((m[:-1] - m[1:]) + REACH * s[:-1]) / s[1:]  # where the ruler before it ended
    np.maximum(low[1:], before, out=low[1:], where=row[1:] == row[:-1])
    np.minimum(low, REACH, out=low)
    length = REACH - low
    # A mantissa is ½ to 1, so twice that is how many of the least deviations of its octave one deviation is.
    panel = PANEL if k <= MANY else PANEL_OF_MANY
    count = np.ceil(length * np.frexp(s)[0] * (2.0 / panel)).astype(np.intp)
    np.maximum(count[:-1], row[1:] != row[:-1], out=count[:-1])
    count[-1] = max(count[-1], 1)
    half = 0.5 * length / np.maximum(count, 1)
    of = np.repeat(np.arange(len(ruler)), count)
    within = np.arange(len(of)) - (count.cumsum() - count).take(of)
    half = half.take(of)
    return _Panels(row.take(of), m.take(of), s.take(of), low.take(of) + (2 * within + 1) * half, half)


def _panels_of_one(mean: FloatArray, deviation: FloatArray, begin: FloatArray) -> _Panels:
    """Return the result of `_panels` for one row of a few variables, for which loops are faster than NumPy calls."""
    start: float = begin.item()
    by_end = sorted(zip((mean + REACH * deviation)[0].tolist(), mean[0].tolist(), deviation[0].tolist(), strict=True))
    rulers: list[tuple[float, float]] = []
    narrowest = sys.maxsize
    for _, m, s in reversed(by_end):
        octave = math.frexp(s)[1]
        if octave < narrowest:
            narrowest = octave
            rulers.append((m, s))
    cut: list[tuple[float, float, float, float]] = []
    before: tuple[float, float] | None = None
    for m, s in reversed(rulers):
        low = (start - m) / s
        if before is not None:
            low = max(low, ((before[0] - m) + REACH * before[1]) / s)
        before = m, s
        length = max(REACH - low, 0.0)
        count = math.ceil(length * math.frexp(s)[0] * (2.0 / PANEL))
        half = 0.5 * length / max(count, 1)
        cut.extend((m, s, low + (2 * within + 1) * half, half) for within in range(count))
    if not cut:  # for example when the floor is above all variables
        cut.append((*rulers[0], REACH, 0.0))
    means, deviations, middle, halves = np.array(cut).T
    return _Panels(np.zeros(len(cut), dtype=np.intp), means, deviations, middle, halves)


def _integrate(mean: FloatArray, deviation: FloatArray, panels: _Panels, out: FloatArray) -> None:
    """Write each variable's part of the integral in each panel, shape (Q, K), to ``out``."""
    m, s = mean.take(panels.row, axis=0), deviation.take(panels.row, axis=0)
    ratio = panels.deviation[:, None] / s
    shift = (panels.mean[:, None] - m) / s
    at = panels.middle[:, None] + panels.half[:, None] * NODES
    z = ratio[:, :, None] * at[:, None, :]
    z += shift[:, :, None]
    density, distribution = normal(z)
    largest = np.multiply.reduce(distribution, axis=1)
    largest *= WEIGHTS
    density /= distribution
    np.vecdot(density, largest[:, None, :], out=out)
    out *= ratio
    out *= panels.half[:, None]
