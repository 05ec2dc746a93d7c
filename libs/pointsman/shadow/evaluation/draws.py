"""Reproducible random numbers, derived from the id of a decision and the identity of a policy."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pointsman.core.bandit import FloatArray

Keys = NDArray[np.uint64]

DRAW, SAMPLE = 0, 1
"""Columns of `decision_keys`: the key of the policy's draw, and the key that decides whether the policy is run."""


def decision_keys(ids: Sequence[str]) -> Keys:
    """Return two independent 64-bit keys per decision, shape (B, 2): the halves of the BLAKE2b hash of its id."""
    digests = b"".join([hashlib.blake2b(id_.encode(), digest_size=16).digest() for id_ in ids])
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64).reshape(-1, 2)


def policy_key(identity: str) -> np.uint64:
    """Return the 64-bit key of a policy."""
    return np.uint64(int.from_bytes(hashlib.blake2b(identity.encode(), digest_size=8).digest(), "little"))


def uniforms(keys: Keys, policy: np.uint64) -> FloatArray:
    """Return a number in [0, 1) for each decision key and the policy, shape (B,).

    The decision key xor the policy key goes through the finalizer of SplitMix64. The numbers of two policies are
    independent, and no hash is computed per pair of decision and policy.

    References
    ----------
    Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014, figure 14 (``mix64variant13``).
    """
    z = keys ^ policy
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53
