"""Pages of other sites in a real browser, against a gateway without API keys: they read nothing and change nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.e2e.dashboard_page import ARGUMENTS, find_chromium
from tests.support.processes import ServiceProcess

sync_api = pytest.importorskip("playwright.sync_api", reason="this test needs the package playwright")
CHROMIUM = find_chromium()
if CHROMIUM is None:
    pytest.skip("no Chromium on this machine (POINTSMAN_CHROMIUM names one)", allow_module_level=True)
if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.e2e

EVIL, REBOUND, COMPANY = "evil.example", "rebound.example", "gateway.internal"
"""The site of the pages; the same after its DNS name leads to the gateway; a name of the gateway over plain HTTP."""

PROMOTE = "/v1/policies/SIMPLE/promote"
ATTACK = """
<a id="link" href="GATEWAY/">the dashboard</a>
<script>
const seen = window.seen = {};
const load = (name, tag, address, attribute) => new Promise((done) => {
  const part = document.createElement(tag);
  part.onload = () => { seen[name] = "loaded"; done(); };
  part.onerror = () => { seen[name] = "refused"; done(); };
  part[attribute] = address;
  if (tag === "link") part.rel = "stylesheet";
  document.documentElement.append(part);
});
const attempt = async (name, address, options) => {
  try {
    const answer = await fetch(address, options);
    seen[name] = answer.type === "opaque" ? "opaque" : answer.status;
  } catch { seen[name] = "refused"; }
};
const type = (text) => ({"content-type": text});
window.attack = async () => {
  const body = '{"policy":"greedy"}';
  for (const text of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
    await attempt("post " + text, "GATEWAYPROMOTE", {method: "POST", mode: "no-cors", body, headers: type(text)});
  await attempt("post json", "GATEWAYPROMOTE", {method: "POST", body, headers: type("application/json")});
  const key = {"authorization": "Bearer none"};
  await attempt("post with a key", "GATEWAYPROMOTE", {method: "POST", body, headers: {...type("text/plain"), ...key}});
  await attempt("get with a key", "GATEWAY/v1/policies", {headers: {"x-api-key": "none"}});
  await attempt("put", "GATEWAY/v1/policies/SIMPLE", {method: "PUT", body: "{}", headers: type("application/json")});
  await attempt("decide", "GATEWAY/v1/decisions", {
    method: "POST", mode: "no-cors", body: '{"tier":"SIMPLE","context":[1,0.5,0.25]}', credentials: "include",
  });
  navigator.sendBeacon("GATEWAYPROMOTE", body);
  for (const path of ["/v1/policies", "/metrics", "/openapi.json", "/readyz"])
    await attempt("get " + path, "GATEWAY" + path, {});
  await attempt("no-cors get", "GATEWAY/v1/arms", {mode: "no-cors"});
  await load("script", "script", "GATEWAY/v1/policies", "src");
  await load("static script", "script", "GATEWAY/static/dashboard/dom.js", "src");
  await load("image", "img", "GATEWAY/v1/arms", "src");
  await load("style", "link", "GATEWAY/metrics", "href");
  await new Promise((done) => {
    const events = new EventSource("GATEWAY/v1/events/decisions");
    events.onopen = () => { seen.events = "opened"; events.close(); done(); };
    events.onerror = () => { seen.events = "refused"; events.close(); done(); };
  });
  await new Promise((done) => {
    const socket = new WebSocket("GATEWAY/v1/events/decisions".replace("http", "ws"));
    socket.onopen = () => { seen.socket = "opened"; done(); };
    socket.onerror = () => { seen.socket = "refused"; done(); };
  });
  return seen;
};
</script>
"""
FORM = """
<form method="post" action="GATEWAYPROMOTE" enctype="text/plain">
<input type="hidden" name='{"policy":"greedy","person":"' value='"}'></form><script>document.forms[0].submit()</script>
"""
REFUSED = "refused"


class EvilSite:
    """A web server with pages against a gateway: ``/attack`` and ``/form``, with ``?GATEWAY``."""

    def __init__(self) -> None:
        pages = {"/attack": ATTACK, "/form": FORM}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path, _, gateway = self.path.partition("?")
                page = pages.get(path, "").replace("GATEWAYPROMOTE", gateway + PROMOTE).replace("GATEWAY", gateway)
                self.send_response(200)
                self.send_header("content-type", "text/html")
                self.end_headers()
                self.wfile.write(b"<!doctype html>" + page.encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(scope="module")
def evil() -> Iterator[EvilSite]:
    site = EvilSite()
    yield site
    site.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    names = ", ".join(f"MAP {name} 127.0.0.1" for name in (EVIL, REBOUND, COMPANY))
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*ARGUMENTS, f"--host-resolver-rules={names}"]
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def unchanged(client: httpx.Client) -> Iterator[None]:
    """No policy may change, and no page may cause a decision."""

    def state() -> Any:
        learned = client.get("/metrics").text
        decided = [line for line in learned.splitlines() if line.startswith("pointsman_http_requests_total")]
        return client.get("/v1/policies").json(), [
            line for line in decided if "/v1/decisions" in line and '"200"' in line
        ]

    before = state()
    yield
    assert state() == before


def gateway_names(services: dict[str, ServiceProcess]) -> tuple[int, dict[str, str]]:
    port = int(services["gateway"].url.rpartition(":")[2])
    return port, {"loopback": f"http://127.0.0.1:{port}", "plain": f"http://{COMPANY}:{port}"}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("site", [EVIL, "127.0.0.1", "localhost"])
@pytest.mark.parametrize("address", ["loopback", "plain"])
def test_a_page_of_another_site_reads_and_changes_nothing(
    services: dict[str, ServiceProcess], evil: EvilSite, page: Page, site: str, address: str
) -> None:
    """``plain``: to a name over plain HTTP, browsers send no ``Sec-Fetch-Site``."""
    _, names = gateway_names(services)
    statuses: list[tuple[str, str, int]] = []
    page.on("response", lambda answer: statuses.append((answer.request.method, answer.url, answer.status)))
    page.goto(f"http://{site}:{evil.port}/attack?{names[address]}")
    seen = page.evaluate("attack()")
    assert seen.pop("no-cors get") in ("opaque", REFUSED)
    # The answers to no-cors requests are opaque to the page; the statuses that the browser got are below.
    assert {
        value for name, value in seen.items() if not name.startswith(("post text", "post app", "post mult", "decide"))
    } == {REFUSED}, seen
    answered = [(method, status) for method, url, status in statuses if url.startswith(names[address])]
    posts = {status for method, status in answered if method == "POST"}
    assert posts == {403}
    if address == "loopback":
        assert {status for _, status in answered} == {403}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("address", ["loopback", "plain"])
def test_a_form_that_a_page_submits_is_refused(
    services: dict[str, ServiceProcess], evil: EvilSite, page: Page, address: str
) -> None:
    _, names = gateway_names(services)
    with page.expect_response(lambda answer: answer.url == names[address] + PROMOTE) as submitted:
        page.goto(f"http://{EVIL}:{evil.port}/form?{names[address]}", wait_until="commit")
    assert submitted.value.request.headers["content-type"] == "text/plain"
    assert submitted.value.status == 403


@pytest.mark.usefixtures("unchanged")
def test_a_name_that_leads_to_the_gateway_after_dns_rebinding_is_refused(
    services: dict[str, ServiceProcess], page: Page
) -> None:
    port, _ = gateway_names(services)
    opened = page.goto(f"http://{REBOUND}:{port}/")
    assert opened is not None
    assert opened.status == 421
    assert "gateway.allowed_hosts" in opened.json()["detail"]
    found = page.evaluate("""async () => {
      const headers = {"content-type": "application/json"}, found = [];
      for (const path of ["/v1/policies", "/metrics", "/docs", "/v1/models", "/readyz", "/static/dashboard/dom.js"])
        found.push((await fetch(path)).status);
      found.push((await fetch("/v1/policies/SIMPLE", {method: "PUT", headers, body: "{}"})).status);
      const post = (path, body) => fetch(path, {method: "POST", headers, body});
      found.push((await post("/v1/policies/SIMPLE/promote", '{"policy":"greedy"}')).status);
      const chat = await post("/v1/messages", "{}");
      return [...found, chat.status, (await chat.json()).error.type];
    }""")
    assert found == [*[421] * 9, "invalid_request_error"]


@pytest.mark.parametrize("address", ["loopback", "plain"])
def test_the_dashboard_works_also_when_another_site_links_to_it(
    services: dict[str, ServiceProcess], evil: EvilSite, page: Page, address: str
) -> None:
    _, names = gateway_names(services)
    page.goto(f"http://{EVIL}:{evil.port}/attack?{names[address]}")
    page.locator("#link").click()
    page.locator("main h1").wait_for()
    assert page.url.startswith(names[address])
    body = {"tier": "SIMPLE", "context": [1.0, 0.5, 0.25]}
    status = page.evaluate(
        """async (body) => (await fetch("v1/try", {
          method: "POST", body: JSON.stringify(body), headers: {"content-type": "application/json"},
        })).status""",
        body,
    )
    assert status == 200
    page.goto(f"{names[address]}/#/decisions")
    sync_api.expect(page.locator(".live")).to_have_text("live")
