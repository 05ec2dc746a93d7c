"""Compute the projection of the features ``meaning``: ``python -m tools.meaning_projection [FILE]``.

The first 25 principal directions of the token vectors of wordllama, without those of single bytes and control tokens.
They are computed from the vectors alone, so no text has to be chosen, licensed or shipped. The sign of each direction
is that which makes its largest entry positive. Another file is another version of the features.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pointsman.core.features.meaning import DIRECTIONS, PROJECTION_FILE, load_vectors

FIRST_TEXT_TOKEN = 259
"""Before it the vocabulary has three control tokens and 256 bytes."""


def projection() -> NDArray[np.float32]:
    """Return P, shape (25, 256), with orthonormal rows in falling order of variance."""
    vectors = load_vectors()[1][FIRST_TEXT_TOKEN:].astype(np.float64)
    vectors -= vectors.mean(axis=0)
    _, directions = np.linalg.eigh(vectors.T @ vectors)
    rows = directions[:, ::-1][:, :DIRECTIONS].T
    largest = np.take_along_axis(rows, np.abs(rows).argmax(axis=1, keepdims=True), axis=1)
    p: NDArray[np.float32] = (rows * np.sign(largest)).astype(np.float32)
    return p


if __name__ == "__main__":
    np.save(Path(sys.argv[1]) if len(sys.argv) > 1 else PROJECTION_FILE, projection())
