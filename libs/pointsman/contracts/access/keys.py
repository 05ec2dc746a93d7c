"""API keys, the part of them that is stored, and the lookup of the key in a request.

A key is ``pm_<id>_<secret>``: a public id of 48 random bits and a secret of 256 random bits, both in hex. Only the
SHA-256 digest of the whole key is stored. A slow, salted hash, as for passwords, would add nothing: 256 random bits
cannot be guessed, and no two keys are equal. It would also allow anyone to overload the gateway with wrong keys.

The id selects the one stored key that a request can mean, so there is one comparison per request, and it takes the same
time wherever the two digests differ.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, Literal, get_args

import msgspec

from pointsman.core.bounds import Positive
from pointsman.core.violations import Violation, find_violations

Scope = Literal["decide", "report", "read", "admin"]
"""Permissions of a key: request decisions, report outcomes, read state and reports, change policies."""

SCOPES: tuple[Scope, ...] = get_args(Scope)

PREFIX = "pm_"
ID_LENGTH = 12
SECRET_LENGTH = 64
KEY_LENGTH = len(PREFIX) + ID_LENGTH + 1 + SECRET_LENGTH
MAX_NAME = 64

_ID = re.compile(rf"[0-9a-f]{{{ID_LENGTH}}}")
_HASH = re.compile(r"sha256:[0-9a-f]{64}")
_NO_DIGEST = bytes(32)


class StoredKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The stored part of a key: one ``[[api_key]]`` of the configuration, or one line of the key file.

    Attributes
    ----------
    id: The public part of the key.
    name: Description of the owner.
    scopes: Permissions; none implies another.
    hash: ``sha256:`` and the hex digest of the whole key.
    rate_limit_per_s: Requests per second, and largest burst, per gateway process; no limit by default.
    created_at: Creation time, RFC 3339 in UTC.
    """

    unique: ClassVar[str] = "id"

    id: str
    name: str
    scopes: list[Scope]
    hash: str
    rate_limit_per_s: Positive | None = None
    created_at: str = ""

    def problems(self) -> Iterator[Violation]:
        """Yield the problems of this key. ``id`` and ``hash`` are not shown: by mistake they may contain a key."""
        if not _ID.fullmatch(self.id):
            yield Violation("id", f"expected {ID_LENGTH} hex digits, as `pointsman keys create` prints them")
        if not (1 <= len(self.name) <= MAX_NAME and self.name.isprintable()):
            yield Violation("name", f"expected 1 to {MAX_NAME} printable characters")
        if not self.scopes or len(set(self.scopes)) != len(self.scopes):
            yield Violation("scopes", f"expected one or more of {', '.join(SCOPES)}, each once")
        if not _HASH.fullmatch(self.hash):
            yield Violation("hash", "expected sha256: and 64 hex digits; the key itself must not be stored here")


def make_key(
    name: str, scopes: Sequence[Scope], rate_limit_per_s: float | None = None, created_at: str = ""
) -> tuple[str, StoredKey]:
    """Return a new key, to be shown once, and the part of it to store."""
    key_id = secrets.token_hex(ID_LENGTH // 2)
    key = f"{PREFIX}{key_id}_{secrets.token_hex(SECRET_LENGTH // 2)}"
    stored = StoredKey(
        id=key_id,
        name=name,
        scopes=list(scopes),
        hash=f"sha256:{hashlib.sha256(key.encode()).hexdigest()}",
        rate_limit_per_s=rate_limit_per_s,
        created_at=created_at,
    )
    return key, stored


def key_problems(key: StoredKey, where: str) -> list[str]:
    """Return the problems of a key that was not decoded, each with the path of its field under ``where``."""
    violations = (*find_violations(msgspec.to_builtins(key), StoredKey, ""), *key.problems())
    return [f"{where}.{violation}" for violation in violations]


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
        if len(presented) != KEY_LENGTH or not presented.startswith(PREFIX.encode()):
            return None
        stored, key = self._keys.get(presented[len(PREFIX) : len(PREFIX) + ID_LENGTH], (_NO_DIGEST, None))
        same = hmac.compare_digest(hashlib.sha256(presented).digest(), stored)
        return key if same else None

    def holds(self, key: StoredKey) -> bool:
        """Return whether a key that was found before is still valid and unchanged."""
        return self._keys.get(key.id.encode(), (b"", None))[1] == key
