"""Which requests a page of another site may have sent, by their headers."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from pointsman.contracts.access.keys import make_key
from pointsman.contracts.config import Config
from pointsman.contracts.config.services import GatewayConfig
from pointsman.contracts.config.tiers import TierConfig
from pointsman.runtime.telemetry import metrics
from pointsman_gateway.http.web_pages import MAX_KNOWN_HOSTS, Guard, WebPageRule, make_guard

HOST = "127.0.0.1:8080"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0"
JSON = "application/json"
FORMS = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x")
STATUS = {"host": 421, "site": 403, "origin": 403, "content_type": 415}


def reason(method: str, headers: dict[str, str], *names: str, own: tuple[str, ...] = (), pages: bool = True) -> str:
    """Return why a rule refuses a request; empty when it does not."""
    raw = {name.replace("_", "-").encode(): value.encode() for name, value in {"host": HOST, **headers}.items()}
    refusal = WebPageRule(names, own, pages=pages).refusal(method, raw)
    assert refusal is None or refusal.status == STATUS[refusal.reason]
    return refusal.reason if refusal else ""


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"user_agent": "curl/8.5.0", "content_type": "application/x-www-form-urlencoded"},
        {"user_agent": "OpenAI/Python 1.99.0", "content_type": JSON},
        {"user_agent": "node", "content_type": JSON, "sec_fetch_mode": "cors"},  # fetch of Node.js
        {"user_agent": "python-requests/2.32", "content_type": "text/plain"},
        {"host": ""},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_programs_other_than_browsers_are_not_examined(method: str, headers: dict[str, str]) -> None:
    assert reason(method, headers) == ""


@pytest.mark.parametrize(
    "host", ["localhost:8080", "[::1]:8080", "gateway:8080", "10.0.0.7", "mac.local", "app.localhost"]
)
def test_local_hosts_are_accepted(host: str) -> None:
    assert reason("PUT", {"host": host}) == ""


@pytest.mark.parametrize("host", ["evil.example:8080", "127.0.0.1.nip.io", "LOCALHOST.evil.com.", "gw.example.com"])
@pytest.mark.parametrize("pages", [True, False])
def test_other_hosts_are_accepted_when_they_are_configured(host: str, pages: bool) -> None:
    rebound = {"host": host, "sec_fetch_site": "same-origin", "user_agent": BROWSER}
    assert reason("GET", rebound, pages=pages) == "host"
    assert reason("GET", rebound, "*", pages=pages) == ""
    assert reason("GET", rebound, "other.example", host.partition(":")[0].rstrip(".").upper(), pages=pages) == ""
    assert reason("GET", rebound, own=(host.partition(":")[0].rstrip(".").lower(),), pages=pages) == ""


@pytest.mark.parametrize("site", ["cross-site", "same-site", "unknown"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_a_page_of_another_site_is_refused(method: str, site: str) -> None:
    for dest in ("empty", "script", "image", "iframe", "embed"):
        mode = "navigate" if dest in ("iframe", "embed") else "no-cors"
        headers = {"sec_fetch_site": site, "sec_fetch_mode": mode, "sec_fetch_dest": dest, "content_type": JSON}
        assert reason(method, headers) == "site"
        assert reason(method, headers, "*") == "site"
        assert reason(method, headers, pages=False) == ""


def test_a_link_opens_the_dashboard_and_a_form_does_not() -> None:
    link = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert reason("GET", link) == ""
    assert reason("POST", {**link, "content_type": FORMS[0], "origin": "https://evil.example"}) == "site"


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_the_gateway_s_own_pages_are_accepted(site: str) -> None:
    assert reason("GET", {"sec_fetch_site": site, "user_agent": BROWSER}) == ""
    # A proxy may change Host; what the browser compared stays.
    own = {"sec_fetch_site": site, "origin": "https://gw.example.com", "content_type": f"{JSON}; charset=utf-8"}
    assert reason("POST", own) == ""


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://127.0.0.1:3000",
        "http://127.0.0.1",
        "null",
        "",
        "file://",
        "HTTP://localhost:8080",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_a_foreign_origin_is_refused_without_other_marks(method: str, origin: str) -> None:
    headers = {"origin": origin, "content_type": JSON, "user_agent": BROWSER}
    assert reason(method, headers, own=("127.0.0.1",)) == "origin"


def test_the_own_origin_is_that_of_the_host_or_of_a_configured_name() -> None:
    assert reason("POST", {"host": "gw.lan.internal", "origin": "http://GW.lan.internal", "content_type": JSON}) == ""
    assert reason("POST", {"host": "[::1]:80", "origin": "http://[::1]:80", "content_type": JSON}) == ""
    behind_proxy = {"origin": "http://tools.corp.example:8000", "content_type": JSON}
    assert reason("POST", behind_proxy) == "origin"
    assert reason("POST", behind_proxy, "*") == "origin"
    assert reason("POST", behind_proxy, "tools.corp.example") == ""


@pytest.mark.parametrize(
    "key", [{"x_api_key": "none"}, {"authorization": "Bearer none"}, {"authorization": "bearer x"}]
)
def test_a_key_that_no_page_of_another_site_can_send_shows_a_program(key: dict[str, str]) -> None:
    desktop = {"origin": "file://", "sec_fetch_site": "cross-site", "user_agent": BROWSER, "content_type": JSON}
    assert reason("POST", desktop) == "site"
    assert reason("POST", {**desktop, **key}) == ""
    assert reason("POST", {**desktop, **key, "host": "rebound.example"}) == "host"
    assert reason("POST", {**desktop, "authorization": "Basic dTpw"}) == "site"  # of a URL with a password


@pytest.mark.parametrize("form", [*FORMS, "", "text/plain; application/json"])
def test_a_browser_that_marks_nothing_cannot_send_a_form(form: str) -> None:
    headers = {"user_agent": BROWSER} | ({"content_type": form} if form else {})
    assert reason("POST", headers) == "content_type"
    assert reason("POST", {**headers, "sec_fetch_site": "same-origin"}) == "content_type"
    assert reason("POST", {**headers, "content_type": JSON}) == ""


def guard_of(keys: bool, *hosts: str) -> Guard | None:
    stored = [make_key("a", ["decide"])[1]] if keys else []
    return make_guard(
        Config(tier=[TierConfig(name="S")], api_key=stored, gateway=GatewayConfig(allowed_hosts=list(hosts)))
    )


def scope(path: str = "/", method: str = "GET", **headers: str) -> dict[str, Any]:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": method, "path": path, "headers": raw}


def test_where_keys_authorise_requests_only_configured_hosts_are_checked() -> None:
    assert guard_of(True) is None
    with_hosts = guard_of(True, "gw.example.com")
    assert with_hosts is not None
    assert with_hosts(scope(host="evil.example")) is not None
    assert with_hosts(scope(host="gw.example.com", method="POST", origin="https://app.example")) is None


def test_a_refusal_is_counted_and_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    guard = guard_of(False)
    assert guard is not None
    counter = metrics.page_requests_refused.labels("host")
    before = counter._value.get()
    with caplog.at_level(logging.WARNING, "pointsman"):
        for number in range(5):
            refusal = guard(scope("/v1/arms", host=f"evil{number}.example"))
            assert refusal is not None
            assert "gateway.allowed_hosts" in refusal.detail
    assert counter._value.get() == before + 5
    assert [record.getMessage().count("evil0.example") for record in caplog.records] == [1]


def test_liveness_is_answered_under_every_name() -> None:
    guard = guard_of(False)
    assert guard is not None
    assert guard(scope("/healthz", host="lb.example.com")) is None
    assert guard(scope("/readyz", host="lb.example.com")) is not None


def test_accepted_hosts_are_remembered_within_a_bound() -> None:
    rule = WebPageRule(())
    for number in range(MAX_KNOWN_HOSTS + 10):
        assert rule.refusal("GET", {b"host": b"10.0.0.1:%d" % number}) is None
    long = WebPageRule(())
    assert long.refusal("GET", {b"host": b"10.0.0." + b"1" * 60_000}) is None
    assert len(rule._known) == MAX_KNOWN_HOSTS
    assert not long._known
