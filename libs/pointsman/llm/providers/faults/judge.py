"""The verdict on a failure of a provider (ADR 0044)."""

from __future__ import annotations

from pointsman.llm.providers.dialects.errors import ProviderErrorBody
from pointsman.llm.providers.faults.fault import Fault, Verdict
from pointsman.llm.providers.faults.wordings import Kind, names_key, recognise
from pointsman.llm.providers.health import Scope
from pointsman.runtime.http.errors import HttpError, LimitReached, NetworkUnavailable, ServerUnavailable, TlsRejected

REFUSALS = frozenset({400, 409, 413, 415, 422})
"""Statuses with which a provider blames the request."""

_REJECTED_KEY = Verdict(Fault.KEY, Scope.PROVIDER, shows_words=False)
_TOO_LARGE = 413
_MISSING = frozenset({404, 410})


def judge_connection(error: HttpError) -> Verdict:
    """Return the verdict on a connection that could not be made, or broke before the answer."""
    if isinstance(error, LimitReached):
        return Verdict(Fault.GATEWAY)
    if isinstance(error, NetworkUnavailable):
        return Verdict(Fault.NETWORK)
    if isinstance(error, ServerUnavailable | TlsRejected):
        return Verdict(Fault.PROVIDER, Scope.PROVIDER)
    return Verdict(Fault.MODEL, Scope.MODEL)  # a server of many models drops the requests of one that crashes


def judge_response(status: int, body: ProviderErrorBody, *, changed: bool) -> Verdict:
    """Return the verdict on a response with an error.

    ``changed``: the gateway has changed the request, so that a mistake in it may be the gateway's.
    """
    wording = recognise(body.message, (body.code, body.type))
    kind, features = wording or (None, ())
    if status >= 500:
        # Some servers answer 500 to what a model cannot do.
        limited = status <= 501 and (kind is Kind.LENGTH or features)
        return Verdict(Fault.MODEL, features=features) if limited else Verdict(Fault.MODEL, Scope.MODEL)
    admission = _admission(status, kind, body.message)
    if admission is not None:
        return admission
    if kind in (Kind.LENGTH, Kind.FEATURE, Kind.POLICY) or status == _TOO_LARGE:
        return Verdict(Fault.MODEL, features=features)
    if status in REFUSALS and kind is not Kind.ACCESS:
        mistake = Fault.REQUEST if kind is Kind.MISTAKE else Fault.UNCLEAR
        return Verdict(Fault.GATEWAY if changed else mistake)
    return Verdict(Fault.MODEL, Scope.MODEL if status in _MISSING or kind is Kind.ACCESS else Scope.NOTHING)


def _admission(status: int, kind: Kind | None, message: str) -> Verdict | None:
    """Return the verdict where the key, the account or a rate limit is at fault; None elsewhere."""
    if kind is Kind.KEY or status == 401:
        return _REJECTED_KEY
    if status == 403 and kind in (None, Kind.ACCESS, Kind.MISTAKE) and names_key(message):
        return _REJECTED_KEY
    if kind is Kind.ACCOUNT or status == 402:
        return Verdict(Fault.KEY, Scope.PROVIDER)
    return Verdict(Fault.PROVIDER) if status == 429 else None
