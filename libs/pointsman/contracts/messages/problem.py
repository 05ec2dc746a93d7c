"""Errors as RFC 9457 problem details: the same over HTTP and as the answer to a NATS request."""

from __future__ import annotations

import msgspec

CONTENT_TYPE = "application/problem+json"


class FieldError(msgspec.Struct, frozen=True, kw_only=True):
    """One field that is wrong: its path, and what is wrong with it."""

    field: str
    detail: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457 problem details, with the fields that are wrong."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    errors: list[FieldError] = []


problem_decoder = msgspec.json.Decoder(Problem)
