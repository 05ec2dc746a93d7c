"""Client of the gateway's HTTP API, and the calls that several commands share."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import msgspec

from pointsman.cli.errors import CommandFailed
from pointsman.core.printable import one_line
from pointsman.runtime.http.client import HttpClient, StreamedResponse
from pointsman.runtime.http.errors import HttpError
from pointsman.runtime.http.response import CompleteResponse

if TYPE_CHECKING:
    from pointsman.cli.target import Target

REQUEST_TIMEOUT_S = 10.0


class GatewayUnavailable(Exception):
    """No connection, or no complete response. A request that was sent may have had its effect."""


class GatewayResponse(CompleteResponse):
    """A response of the gateway, with a JSON body."""

    __slots__ = ()

    def json(self) -> Any:
        """Return the body as plain Python values."""
        return msgspec.json.decode(self.body)

    def problem(self) -> str:
        """Return status and problem details of a refusal in one line; the body as text when it has no details."""
        try:
            details = self.json()
            fields = "; ".join(f"{error['field']}: {error['detail']}" for error in details.get("errors") or [])
            text = fields or details.get("detail") or details["title"]
        except (msgspec.MsgspecError, AttributeError, KeyError, TypeError):
            text = self.body[:200].decode(errors="replace")
        return one_line(f"{self.status} {text}".strip())


class GatewayClient:
    """Requests to one gateway over a pool of connections. Use it as ``async with GatewayClient(url) as gateway``.

    Parameters
    ----------
    url : str
        As ``http://127.0.0.1:8080``; ``https`` works too.
    timeout_s : float
        Bound on one request including its response.
    api_key : str, optional
        Sent with every request.

    Raises
    ------
    ValueError
        The URL or the key is malformed.
    """

    def __init__(self, url: str, timeout_s: float = REQUEST_TIMEOUT_S, api_key: str | None = None) -> None:
        parts = urlsplit(url if "//" in url else f"http://{url}")
        try:
            valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:  # the port is not a number, or is out of range
            valid = False
        if not valid:
            raise ValueError(f"expected http://host:port, got {url!r}")
        if api_key and not (api_key.isascii() and api_key.isprintable()):
            raise ValueError("expected an API key of printable ASCII characters")
        self._url = parts.geturl().rstrip("/")
        self._server = parts.netloc
        self._timeout_s = timeout_s
        self._headers = {"accept": "application/json"}
        if api_key:
            self._headers["authorization"] = f"Bearer {api_key}"
        self._http = HttpClient()

    async def __aenter__(self) -> Self:
        """Return the client; connections are opened when they are needed."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self._http.close()

    async def get(self, path: str) -> GatewayResponse:
        """Send a GET."""
        return await self._request("GET", path, self._headers, b"")

    async def post(self, path: str, body: object) -> GatewayResponse:
        """Send a POST with the body as JSON."""
        return await self._request("POST", path, self._post_headers, msgspec.json.encode(body))

    @asynccontextmanager
    async def stream(self, path: str, body: object) -> AsyncIterator[StreamedResponse]:
        """Send a POST; read the response in chunks within the block."""
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._http.stream("POST", self._url + path, self._post_headers, msgspec.json.encode(body)) as response,
            ):
                yield response
        except (HttpError, TimeoutError) as error:
            raise self._unavailable(error) from error

    @property
    def _post_headers(self) -> dict[str, str]:
        return {**self._headers, "content-type": "application/json"}

    async def _request(self, method: str, path: str, headers: dict[str, str], body: bytes) -> GatewayResponse:
        try:
            response = await self._http.request(method, self._url + path, headers, body, timeout_s=self._timeout_s)
        except HttpError as error:
            raise self._unavailable(error) from error
        return GatewayResponse(*response)

    def _unavailable(self, error: Exception) -> GatewayUnavailable:
        return GatewayUnavailable(f"{self._server}: {error or 'the response was not complete in time'}")


def get_json(target: Target, path: str) -> Any:
    """Return the body of a GET; see `call_gateway`."""
    return call_gateway(target, path).json()


def call_gateway(target: Target, path: str, body: object | None = None, *, check: bool = True) -> GatewayResponse:
    """Send one request from a command: a POST when there is a body, else a GET.

    Parameters
    ----------
    check : bool
        Fail for a response that is a refusal.

    Raises
    ------
    CommandFailed
    """

    async def call() -> GatewayResponse:
        async with GatewayClient(target.gateway_url, api_key=target.api_key) as gateway:
            return await (gateway.get(path) if body is None else gateway.post(path, body))

    try:
        response = asyncio.run(call())
    except ValueError as error:
        raise CommandFailed(f"--url or --api-key: {error}", code=2) from error
    except GatewayUnavailable as error:
        raise CommandFailed(
            f"the gateway does not respond at {target.gateway_url} ({target.origin}): {error}"
        ) from error
    if check and not response.ok:
        raise CommandFailed(f"the gateway refused the request: {response.problem()}")
    return response


def print_json(value: object) -> None:
    """Print a value, or the bytes of a JSON text, with indentation."""
    text = value if isinstance(value, bytes) else msgspec.json.encode(value)
    sys.stdout.write(msgspec.json.format(text, indent=2).decode() + "\n")
