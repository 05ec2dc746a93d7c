"""Random numbers that are always the same: made from a decision's id and a policy's identity, by nobody's clock."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pointsman.core.bandit import FloatArray

Keys = NDArray[np.uint64]

DRAW, SAMPLE = 0, 1
"""Which of a decision's two keys: for the policy's draw, and for whether the policy is run on it at all."""


def decision_keys(ids: Sequence[str]) -> Keys:
    """Return two independent 64-bit keys of each decision, shape (B, 2): halves of BLAKE2b of its id."""
    digests = b"".join([hashlib.blake2b(id_.encode(), digest_size=16).digest() for id_ in ids])
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64).reshape(-1, 2)


def policy_key(identity: str) -> np.uint64:
    """Return the 64-bit key of a policy."""
    return np.uint64(int.from_bytes(hashlib.blake2b(identity.encode(), digest_size=8).digest(), "little"))


def uniforms(keys: Keys, policy: np.uint64) -> FloatArray:
    """Return a number on [0, 1) for each decision and the policy, shape (B,).

    The key of the decision, xor that of the policy, goes through the finaliser of SplitMix64, so that the numbers of
    two policies have nothing in common, and no hash is computed for each pair.

    References
    ----------
    Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014, figure 14 (``mix64variant13``).
    """
    z = keys ^ policy
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53
