"""Protection of a gateway without API keys from the pages of other sites.

Everyone who reaches such a gateway has full access, and so has every page in a browser on its machine. Browsers mark
the requests of pages: with ``Sec-Fetch-Site`` to addresses that they trust (HTTPS and loopback), and with ``Origin``,
unless they only read. Requests without these marks are those of other programs. ADR 0025 has the reasons.
"""

import socket
from collections.abc import Callable, Collection, Mapping
from time import monotonic
from typing import NamedTuple

from starlette.types import Scope

from pointsman.contracts.access.host_names import ANY_HOST, host_of, is_local
from pointsman.contracts.config import Config, keys_required
from pointsman.runtime.telemetry import metrics
from pointsman.runtime.telemetry.logs import logger
from pointsman.runtime.telemetry.rate_limited_warning import LOG_REPEAT_INTERVAL_S

log = logger("gateway.web")

ALWAYS_OPEN = "/healthz"
"""Answered whatever its headers: it contains no data, and probes use host names of their own."""
MAX_KNOWN_HOSTS = 1024
MAX_HOST_BYTES = 300

Headers = Mapping[bytes, bytes]
"""By name in lower case."""


class Refusal(NamedTuple):
    """Why a request is refused.

    Attributes
    ----------
    reason: ``host``, ``site``, ``origin`` or ``content_type``; a label of the metric.
    """

    reason: str
    status: int
    detail: str


Guard = Callable[[Scope], Refusal | None]
"""Returns why a request is refused."""


def make_guard(config: Config) -> Guard | None:
    """Return the check of all requests; None when each needs an API key, unless host names are configured.

    Browsers never add a key by themselves, so a page of another site can do nothing where keys are required.
    """
    keyed, names = keys_required(config), config.gateway.allowed_hosts
    if keyed and not names:
        return None
    rule = WebPageRule(names, (config.gateway.host, socket.gethostname()), pages=not keyed)
    return RefusalLog(rule).check


class WebPageRule:
    """Decides by the headers of a request whether a page of another site may have sent it.

    Parameters
    ----------
    names : collection of str
        Host names under which browsers reach the gateway; `ANY_HOST` accepts every name in ``Host``.
    own_names : collection of str
        More names for ``Host``. A page of such a host with another port is a page of another site.
    pages : bool
        False checks only ``Host``.
    """

    def __init__(self, names: Collection[str], own_names: Collection[str] = (), *, pages: bool = True) -> None:
        self._names = frozenset(map(str.lower, names))
        self._hosts = self._names | set(map(str.lower, own_names))
        self._pages = pages
        self._known: set[bytes] = set()
        """Values of ``Host`` that were accepted, so that the next request with one costs a lookup."""

    def refusal(self, method: str, headers: Headers) -> Refusal | None:
        """Return why the request is refused; None when it is accepted."""
        host = headers.get(b"host", b"")
        if host not in self._known and not self._accepts(host):
            detail = f"this gateway does not serve the host name {_shown(host)}; add it to gateway.allowed_hosts"
            return Refusal("host", 421, f"{detail} if it should")
        site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
        # Browsers of before 2020 do not mark a form, but all of them have this name.
        marked = site is not None or origin is not None or headers.get(b"user-agent", b"").startswith(b"Mozilla/")
        if not self._pages or not marked or _has_key(headers):
            return None
        return self._foreign_page(method, headers, site, origin) or _form(method, headers)

    def _accepts(self, raw: bytes) -> bool:
        """Return whether a request may have this ``Host``. Without one it is not a browser's."""
        host = host_of(raw.decode("latin-1"))
        accepted = is_local(host) or host in self._hosts or ANY_HOST in self._names
        if accepted and len(self._known) < MAX_KNOWN_HOSTS and len(raw) <= MAX_HOST_BYTES:
            self._known.add(raw)
        return accepted

    def _foreign_page(self, method: str, headers: Headers, site: bytes | None, origin: bytes | None) -> Refusal | None:
        if site is not None:
            if site in (b"same-origin", b"none") or _opens_tab(method, headers):
                return None
            detail = f"a page of another site (Sec-Fetch-Site: {_shown(site)}) must not use a gateway without API keys"
            return Refusal("site", 403, f"{detail}; see gateway.keys_file")
        if origin is None or self._is_own(origin.lower(), headers.get(b"host", b"").lower()):
            return None
        detail = f"a page of {_shown(origin)} must not use a gateway without API keys; if this is the address of the"
        return Refusal("origin", 403, f"{detail} gateway behind a proxy, add its host name to gateway.allowed_hosts")

    def _is_own(self, origin: bytes, host: bytes) -> bool:
        """Return whether pages of this origin are the gateway's own."""
        authority = origin.partition(b"://")[2]
        return bool(authority) and (authority == host or host_of(authority.decode("latin-1")) in self._names)


class RefusalLog:
    """Counts what a rule refuses, and logs the first refusal of each reason in a minute."""

    def __init__(self, rule: WebPageRule) -> None:
        self._rule = rule
        self._logged_at_s: dict[str, float] = {}

    def check(self, scope: Scope) -> Refusal | None:
        """Return why a request is refused; None when it is accepted."""
        refusal = self._rule.refusal(scope["method"], dict(scope["headers"]))
        if refusal is None or scope["path"] == ALWAYS_OPEN:
            return None
        metrics.page_requests_refused.labels(refusal.reason).inc()
        now_s = monotonic()
        if now_s - self._logged_at_s.get(refusal.reason, float("-inf")) >= LOG_REPEAT_INTERVAL_S:
            self._logged_at_s[refusal.reason] = now_s
            log.warning("refused %s %r: %s", scope["method"], scope["path"][:100], refusal.detail)
        return refusal


def _has_key(headers: Headers) -> bool:
    """Return whether there is any API key, as desktop applications that are made of pages send it.

    For a page of another site, a browser first asks whether it may send these headers, and the gateway never agrees.
    """
    return b"x-api-key" in headers or headers.get(b"authorization", b"")[:7].lower() == b"bearer "


def _opens_tab(method: str, headers: Headers) -> bool:
    """Return whether the browser opens the address in a tab, as for a link: no page can read the answer."""
    return (
        method in ("GET", "HEAD")
        and headers.get(b"sec-fetch-mode") == b"navigate"
        and headers.get(b"sec-fetch-dest") == b"document"
    )


def _form(method: str, headers: Headers) -> Refusal | None:
    """Refuse the content types that a page may send to any site. For others a browser first asks, and is refused."""
    if method != "POST" or headers.get(b"content-type", b"").partition(b";")[0].strip().lower() == b"application/json":
        return None
    return Refusal("content_type", 415, "a browser must send content-type: application/json")


def _shown(value: bytes) -> str:
    return repr(value.decode("latin-1")[:100])
