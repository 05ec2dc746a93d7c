"""Lookup of the key in a request."""

import hashlib
import hmac
from collections.abc import Iterable

from pointsman.contracts.access.keys import ID_LENGTH, KEY_LENGTH, PREFIX, StoredKey

_PREFIX = PREFIX.encode()
_ID_END = len(PREFIX) + ID_LENGTH
_NO_DIGEST = bytes(32)


class Keyring:
    """The valid keys.

    Parameters
    ----------
    keys : iterable of StoredKey
        Checked, with unique ids.
    """

    def __init__(self, keys: Iterable[StoredKey] = ()) -> None:
        self._keys = {key.id.encode(): (bytes.fromhex(key.hash.removeprefix("sha256:")), key) for key in keys}

    def __len__(self) -> int:
        """Return the number of keys."""
        return len(self._keys)

    def find(self, presented: bytes) -> StoredKey | None:
        """Return the stored key that the text is, or None.

        An unknown id takes the same time as a wrong secret, so that the time does not reveal which ids exist.
        """
        if len(presented) != KEY_LENGTH or not presented.startswith(_PREFIX):
            return None
        stored, key = self._keys.get(presented[len(_PREFIX) : _ID_END], (_NO_DIGEST, None))
        same = hmac.compare_digest(hashlib.sha256(presented).digest(), stored)
        return key if same else None

    def holds(self, key: StoredKey) -> bool:
        """Return whether a key that was found before is still valid and unchanged."""
        return self._keys.get(key.id.encode(), (b"", None))[1] == key
