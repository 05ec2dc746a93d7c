"""The dashboard's files over HTTP, from a real gateway."""

from __future__ import annotations

import http.client

import httpx
import pytest

pytestmark = pytest.mark.integration


def raw(client: httpx.Client, path: str) -> http.client.HTTPResponse:
    """Send a path as it is: an HTTP client would tidy it up."""
    connection = http.client.HTTPConnection(client.base_url.host, client.base_url.port, timeout=10.0)
    try:
        connection.putrequest("GET", path, skip_accept_encoding=True)
        connection.endheaders()
        answer = connection.getresponse()
        answer.read()
        return answer
    finally:
        connection.close()


def test_the_page_may_run_nothing_but_its_own_files(client: httpx.Client) -> None:
    policy = client.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


def test_an_unknown_parameter_is_refused(client: httpx.Client) -> None:
    answer = client.get("/static/dashboard/app.js?v=1")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "v")


def test_a_file_is_sent_once(client: httpx.Client) -> None:
    first = client.get("/static/dashboard/app.js")
    assert (first.status_code, first.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    again = client.get("/static/dashboard/app.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/static/../pages.py",
        "/static/dashboard/../../pages.py",
        "/static/%2e%2e/pages.py",
        "/static/..%2fpages.py",
        "/static/dashboard/..%5c..%5cpages.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/docs.html",
        "/static/",
    ],
)
def test_nothing_else_is_reached_by_a_path(client: httpx.Client, path: str) -> None:
    assert raw(client, path).status == 404


def test_metrics_name_no_file(client: httpx.Client) -> None:
    client.get("/static/dashboard/app.js")
    text = client.get("/metrics").text
    assert 'route="/static/{path:path}",status="200"' in text
    assert "app.js" not in text
