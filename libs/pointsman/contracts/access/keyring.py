"""Finding the key that a request presents."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from pointsman.contracts.access.keys import ID_LENGTH, KEY_LENGTH, PREFIX, StoredKey

_PREFIX = PREFIX.encode()
_ID_END = len(PREFIX) + ID_LENGTH
_NO_DIGEST = bytes(32)


class Keyring:
    """The keys that are in force.

    Parameters
    ----------
    keys : iterable of StoredKey
        Checked, with ids that are unique.
    """

    def __init__(self, keys: Iterable[StoredKey] = ()) -> None:
        self._keys = {key.id.encode(): (bytes.fromhex(key.hash.removeprefix("sha256:")), key) for key in keys}

    def __len__(self) -> int:
        """Return how many keys there are."""
        return len(self._keys)

    def find(self, presented: bytes) -> StoredKey | None:
        """Return the key that this is, or None.

        For an unknown id it does the same work as for a wrong secret, so that the time does not tell which ids exist.
        """
        if len(presented) != KEY_LENGTH or not presented.startswith(_PREFIX):
            return None
        stored, key = self._keys.get(presented[len(_PREFIX) : _ID_END], (_NO_DIGEST, None))
        same = hmac.compare_digest(hashlib.sha256(presented).digest(), stored)
        return key if same else None

    def holds(self, key: StoredKey) -> bool:
        """Tell whether a key that was found before is still in force, unchanged."""
        return self._keys.get(key.id.encode(), (b"", None))[1] == key
