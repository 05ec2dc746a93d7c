"""Requests that no client library would send: slow ones, endless ones, and bodies that are hardly JSON."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable, Iterator
from contextlib import closing

import httpx
import pytest

from tests.support.gateway_calls import REQUEST, decide, log_sizes
from tests.support.processes import ServiceProcess

pytestmark = pytest.mark.integration

WAIT_S = 20.0
BODY = json.dumps(REQUEST).encode()
DEEP = b"[" * 20_000


@pytest.fixture
def keyed(client: httpx.Client, api_key: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=client.base_url, timeout=WAIT_S, headers={"x-api-key": api_key}) as connected:
        yield connected


@pytest.fixture(autouse=True)
def unchanged(keyed: httpx.Client, services: dict[str, ServiceProcess], nats_url: str, api_key: str) -> Iterator[None]:
    """After each test: nothing was logged, the gateway lives and serves, and its log shows no fault and no key."""
    before = log_sizes(nats_url)
    yield
    assert log_sizes(nats_url) == before
    assert services["gateway"].running
    assert not decide(keyed)["degraded"]
    output = services["gateway"].output()
    assert "Traceback" not in output
    assert api_key not in output


def connect(services: dict[str, ServiceProcess]) -> socket.socket:
    url = httpx.URL(services["gateway"].url)
    return socket.create_connection((url.host, url.port or 80), timeout=WAIT_S)


def head(api_key: str, *more: str, path: str = "/v1/decisions") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"x-api-key: {api_key}", *more, "", ""]
    return "\r\n".join(lines).encode()


def rest(connection: socket.socket) -> bytes:
    """Return all that comes until the gateway closes the connection."""
    received = b""
    try:
        while part := connection.recv(65536):
            received += part
    except ConnectionResetError:
        pass  # it closed while there was more to come, which it need not read
    return received


def send_until_answered(connection: socket.socket, pieces: Iterable[bytes], most: int) -> bytes:
    """Send piece by piece until the gateway answers; fail when it takes more than ``most`` bytes first."""
    sent = 0
    connection.settimeout(0.001)
    received = b""
    for piece in pieces:
        try:
            received += connection.recv(65536)
        except TimeoutError:
            pass
        except ConnectionResetError:
            break
        if received:
            break
        try:
            sent += connection.send(piece)
        except TimeoutError:
            continue
        except (BrokenPipeError, ConnectionResetError):
            break
        assert sent <= most, "the gateway goes on reading"
    connection.settimeout(WAIT_S)
    return received + rest(connection)


def alive(connection: socket.socket) -> bool:
    """Ask on a connection that stays open whether the gateway is alive."""
    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = b""
    while not answer.endswith(b"}"):
        answer += connection.recv(65536)
    return answer.startswith(b"HTTP/1.1 200 ")


def status(answer: bytes) -> int:
    """Return the status of an answer, which must be a problem, and the last thing that was sent."""
    top, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in top, answer
    code = int(top.split(b" ", 2)[1])
    assert json.loads(body)["status"] == code
    return code


# Slow


@pytest.mark.parametrize(
    "piece",
    [
        b"P",
        b"POST /v1/decisions HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        b"POST /v1/decisions HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000000\r\n\r\n{",
    ],
)
def test_a_request_that_never_ends_is_ended(services: dict[str, ServiceProcess], piece: bytes) -> None:
    with closing(connect(services)) as connection:
        connection.sendall(piece)
        answer = rest(connection)
    assert status(answer[answer.rindex(b"HTTP/1.1") :]) in (401, 408)


def test_a_body_that_never_ends_is_ended(services: dict[str, ServiceProcess], api_key: str) -> None:
    with closing(connect(services)) as connection:
        connection.sendall(head(api_key, "Content-Length: 100") + BODY[:20])
        assert status(rest(connection)) == 408


def test_a_body_that_drips_is_ended(services: dict[str, ServiceProcess], api_key: str) -> None:
    def drops() -> Iterator[bytes]:
        while True:
            yield b"1\r\n \r\n"

    with closing(connect(services)) as connection:
        connection.sendall(head(api_key, "Transfer-Encoding: chunked"))
        assert status(send_until_answered(connection, drops(), 600_000)) in (408, 413)


def test_a_silent_connection_is_closed(services: dict[str, ServiceProcess]) -> None:
    with closing(connect(services)) as connection:
        assert rest(connection) == b""


def test_a_connection_may_rest_between_requests(keyed: httpx.Client, services: dict[str, ServiceProcess]) -> None:
    """It is kept for longer than a request may take: a slow request ends while this one rests."""
    with closing(connect(services)) as resting, closing(connect(services)) as slow:
        assert alive(resting)
        slow.sendall(b"G")
        rest(slow)
        assert alive(resting)


# Long


def test_a_chunked_body_is_counted_as_it_comes(services: dict[str, ServiceProcess], api_key: str) -> None:
    def chunks() -> Iterator[bytes]:
        while True:
            yield b"1000\r\n" + b" " * 0x1000 + b"\r\n"

    with closing(connect(services)) as connection:
        connection.sendall(head(api_key, "Transfer-Encoding: chunked"))
        assert status(send_until_answered(connection, chunks(), 4_000_000)) == 413


@pytest.mark.parametrize("path", ["/v1/decisions", "/v1/arms", "/no/such/route"])
def test_a_refused_body_is_not_read_for_ever(services: dict[str, ServiceProcess], api_key: str, path: str) -> None:
    """Refused at the head, without a key or a route; the rest of it is skipped up to a bound."""

    def chunks() -> Iterator[bytes]:
        while True:
            yield b"4000\r\n" + b" " * 0x4000 + b"\r\n"

    with closing(connect(services)) as connection:
        connection.sendall(head("wrong", "Transfer-Encoding: chunked", path=path))
        answer = connection.recv(65536)
        assert answer.split(b" ", 2)[1] in (b"401", b"404", b"405")
        sent = 0
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            for chunk in chunks():
                connection.sendall(chunk)
                sent += len(chunk)
                assert sent < 50_000_000, "the gateway goes on reading"


def test_endless_headers_are_refused(services: dict[str, ServiceProcess]) -> None:
    def headers() -> Iterator[bytes]:
        number = 0
        while True:
            number += 1
            yield b"X-%d: %s\r\n" % (number, b"y" * 1000)

    with closing(connect(services)) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n")
        assert status(send_until_answered(connection, headers(), 4_000_000)) == 431


@pytest.mark.parametrize("start", [b"GET /healthz HTTP/1.1\r\nX-Long: ", b"GET /", b"GET /healthz?"])
def test_one_endless_line_is_refused(services: dict[str, ServiceProcess], start: bytes) -> None:
    def more() -> Iterator[bytes]:
        while True:
            yield b"y" * 4096

    with closing(connect(services)) as connection:
        connection.sendall(start)
        assert status(send_until_answered(connection, more(), 4_000_000)) in (400, 431)


def test_endless_trailers_are_refused(services: dict[str, ServiceProcess], api_key: str) -> None:
    def trailers() -> Iterator[bytes]:
        while True:
            yield b"X: %s\r\n" % (b"y" * 4096)

    with closing(connect(services)) as connection:
        connection.sendall(head(api_key, "Transfer-Encoding: chunked") + b"1\r\n{\r\n0\r\n")
        assert status(send_until_answered(connection, trailers(), 8_000_000)) in (400, 413)


# Wrong


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: -1",),
        ("Content-Length: 1e3",),
        ("Content-Length: 99999999999999999999999",),
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: gzip",),
        ("Bad Header: x",),
        ("X: a\x00b",),
    ],
)
def test_a_head_that_is_wrong_is_refused(
    services: dict[str, ServiceProcess], api_key: str, lines: tuple[str, ...]
) -> None:
    with closing(connect(services)) as connection:
        connection.sendall(head(api_key, *lines) + b"5\r\n{}   \r\n0\r\n\r\n")
        answer = rest(connection)
    assert answer.split(b" ", 2)[1] in (b"400", b"408", b"413", b"422"), answer
    assert b"application/problem+json" in answer


def test_a_request_with_something_else_behind_it_does_not_count(
    services: dict[str, ServiceProcess], api_key: str
) -> None:
    with closing(connect(services)) as connection:
        connection.sendall(head(api_key, f"Content-Length: {len(BODY)}") + BODY + BODY)
        assert status(rest(connection)) == 400


@pytest.mark.parametrize("upgrade", ["Upgrade: h2c", "UPGRADE: websocket"])
def test_an_upgrade_is_not_made_and_the_request_is_answered(
    services: dict[str, ServiceProcess], api_key: str, upgrade: str
) -> None:
    """The JDK's client asks for HTTP/2 with every request."""
    with closing(connect(services)) as connection:
        wanted = ("Connection: Upgrade, HTTP2-Settings", upgrade, "HTTP2-Settings: AAMAAABkAAQ")
        for _ in range(2):
            connection.sendall(head(api_key, *wanted, "Content-Length: 11") + b'{"tier": 5}')
            answer = b""
            while not answer.endswith(b"}"):
                answer += connection.recv(65536)
            assert answer.split(b" ", 2)[1] == b"422", answer
            assert b'"field":"tier"' in answer
        assert alive(connection)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE", "CONNECT", "BREW", "get"])
def test_any_method_has_an_answer(services: dict[str, ServiceProcess], method: str) -> None:
    with closing(connect(services)) as connection:
        connection.sendall(f"{method} /v1/decisions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = rest(connection)
    assert answer.split(b" ", 2)[1] in (b"400", b"405"), answer


@pytest.mark.parametrize(
    "path",
    [
        "/%00",
        "/v1/decisions/%00",
        "/v1/decisions/%ff%fe",
        "/v1/decisions/..%2f..%2fetc",
        "/v1/decisions/SIMPLE.1.0123456789abcdef%0a",
        "/v1/policies/%0d%0aX:y",
        "/v1/arms?tier=%ff",
        "/v1/arms?tier=%00",
        "/v1/arms?" + "&".join(f"a{n}=1" for n in range(5000)),
        "/v1/arms?tier=SIMPLE&tier=SIMPLE",
        "//v1//arms",
        "/v1/shadow/report?window=" + "9" * 500 + "d",
    ],
)
def test_an_odd_path_is_a_problem(keyed: httpx.Client, path: str) -> None:
    answer = keyed.get(httpx.URL(str(keyed.base_url).rstrip("/") + path))
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00",
        b"null",
        b"\xff\xfe" + BODY,
        b"\xef\xbb\xbf" + BODY,
        BODY.decode().encode("utf-16"),
        BODY + BODY,
        BODY[:-1] + b',"metadata":' + DEEP,
        BODY[:-1] + b',"metadata":{"a":' + DEEP + b"]" * 20_000 + b"}}",
        BODY[:-1] + b',"unknown":' + DEEP + b"]" * 20_000 + b"}",
        BODY[:-1] + b',"metadata":{"a":"\\ud800"}}',
        BODY[:-1] + b',"metadata":{"a":"\xed\xa0\x80"}}',
        BODY[:-1] + b',"metadata":{"a":1e999}}',
        BODY[:-1] + b',"metadata":{"a":' + b"9" * 50_000 + b"}}",
        BODY[:-1] + b',"metadata":{"a":"' + b"\\u0000" * 9000 + b'"}}',
        BODY.replace(b"0.5", b"9" * 400),
        BODY.replace(b"0.5", b"1e400"),
        BODY.replace(b"SIMPLE", b"SIM\\u0000PLE"),
        BODY.replace(b"SIMPLE", b"SIMPLE\x00"),
        BODY[:-1] + b',"candidates":[{"provider":"a\\u0000b","model":"m"}]}',
        BODY[:-1] + b',"candidates":[{"provider":"a","model":"' + b"m" * 5000 + b'"}]}',
        BODY[:-1] + b',"tier":"NOPE"}',
        BODY[:-1] + b',"context":"x"}',
    ],
)
def test_a_body_that_is_hardly_json_is_refused(keyed: httpx.Client, body: bytes) -> None:
    for path in ("/v1/decisions", "/v1/outcomes"):
        answer = keyed.post(path, content=body)
        assert answer.status_code in (400, 413, 422), (path, answer.status_code, answer.text[:300])
        assert answer.headers["content-type"] == "application/problem+json"
    answer = keyed.put("/v1/policies/SIMPLE", content=body)
    assert answer.status_code in (400, 413, 422)
