"""An API key, and what is kept of it.

A key is ``pm_<id>_<secret>``: 48 random bits that name it and 256 random bits that nobody can guess, in hex. Only the
SHA-256 of the whole is kept. A slow, salted hash, as passwords need, would add nothing: it makes guessing expensive
where there is little to guess, and here there is no list of likely secrets, and no two keys are the same. It would
also let anyone keep the gateway busy with wrong keys.

The id is public. It finds the one stored key that a request can mean, so there is one comparison a request, and that
takes the same time wherever the two differ.
"""

from __future__ import annotations

import hashlib
import math
import re
import secrets
from collections.abc import Sequence
from typing import Literal, get_args

import msgspec

Scope = Literal["decide", "report", "read", "admin"]
"""What a key may do: ask for decisions, report outcomes, read what was decided and learned, change policies."""

SCOPES: tuple[Scope, ...] = get_args(Scope)

PREFIX = "pm_"
ID_LENGTH = 12
SECRET_LENGTH = 64
KEY_LENGTH = len(PREFIX) + ID_LENGTH + 1 + SECRET_LENGTH
MAX_NAME = 64

_ID = re.compile(rf"[0-9a-f]{{{ID_LENGTH}}}")
_HASH = re.compile(r"sha256:[0-9a-f]{64}")


class StoredKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is kept of a key: one ``[[api_key]]`` of the configuration, or one line of the file of keys.

    Attributes
    ----------
    id : str
        The public part of the key.
    name : str
        For people: who has the key.
    scopes : list of {"decide", "report", "read", "admin"}
        None implies another.
    hash : str
        ``sha256:`` and the hex digest of the whole key.
    rate_limit_per_s : float, optional
        Requests a second, and at once, that one gateway process serves with the key.
    created_at : str
        RFC 3339, UTC.
    """

    id: str
    name: str
    scopes: list[Scope]
    hash: str
    rate_limit_per_s: float | None = None
    created_at: str = ""


def make_key(
    name: str, scopes: Sequence[Scope], rate_limit_per_s: float | None = None, created_at: str = ""
) -> tuple[str, StoredKey]:
    """Return a new key, which is to be shown once, and what is to be kept of it."""
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
    """Return what is wrong with a stored key. What is in ``id`` and ``hash`` is not shown: it may be a key, pasted."""
    problems = []
    if not _ID.fullmatch(key.id):
        problems.append(f"{where}.id: expected {ID_LENGTH} hex digits, as `pointsman keys create` prints them")
    if not (1 <= len(key.name) <= MAX_NAME and key.name.isprintable()):
        problems.append(f"{where}.name: expected 1 to {MAX_NAME} printable characters")
    if not key.scopes or len(set(key.scopes)) != len(key.scopes):
        problems.append(f"{where}.scopes: expected one or more of {', '.join(SCOPES)}, each once")
    if not _HASH.fullmatch(key.hash):
        problems.append(f"{where}.hash: expected sha256: and 64 hex digits; the key itself does not belong here")
    rate = key.rate_limit_per_s
    if rate is not None and not (math.isfinite(rate) and rate > 0.0):
        problems.append(f"{where}.rate_limit_per_s: expected more than 0, got {rate}")
    return problems
