"""What the demo asks the gateway as a chat client, with aiohttp: whole answers and streams, headers included."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self

import aiohttp
import msgspec

from pointsman.cli.devtools.demo.runner import DemoFailed

PATH = "/v1/chat/completions"
_PREFIX = "x-pointsman-"


class Answer(NamedTuple):
    """A whole answer.

    Attributes
    ----------
    told : mapping
        What the headers tell, without their prefix.
    text : str
    """

    told: Mapping[str, str]
    text: str

    @property
    def arm(self) -> str:
        """Who served it."""
        return f"{self.told['provider']}:{self.told['model']}"


class _Message(msgspec.Struct, frozen=True):
    content: str | None = None


class _Choice(msgspec.Struct, frozen=True):
    message: _Message = _Message()
    delta: _Message = _Message()


class _Completion(msgspec.Struct, frozen=True):
    choices: list[_Choice] = []


_decoder = msgspec.json.Decoder(_Completion)


class ChatClient:
    """A client of one gateway. Use it as ``async with ChatClient(url, api_key) as chat``."""

    def __init__(self, url: str, api_key: str | None = None) -> None:
        self._url = url
        self._headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        """Open the session."""
        timeout = aiohttp.ClientTimeout(total=30.0)
        self._session = aiohttp.ClientSession(self._url, headers=self._headers, timeout=timeout, trust_env=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        await self._session.close()

    async def ask(self, model: str, messages: list[dict[str, str]]) -> Answer:
        """Ask for a whole answer.

        Raises
        ------
        DemoFailed
        """
        try:
            async with self._session.post(PATH, json={"model": model, "messages": messages}) as response:
                body = await _good(response)
        except aiohttp.ClientError as error:
            raise DemoFailed(f"POST {PATH}: {error}") from error
        return Answer(_told(response), _decoder.decode(body).choices[0].message.content or "")

    async def stream(self, model: str, messages: list[dict[str, str]]) -> AsyncIterator[Answer | str]:
        """Ask for a stream; yield what the headers tell, as an answer without a text, and then the text in its pieces.

        Raises
        ------
        DemoFailed
        """
        body = {"model": model, "messages": messages, "stream": True}
        try:
            async with self._session.post(PATH, json=body) as response:
                if response.status != 200:
                    await _good(response)
                yield Answer(_told(response), "")
                async for line in response.content:
                    data = line.strip().removeprefix(b"data: ")
                    if line.startswith(b"data: ") and data != b"[DONE]":
                        for choice in _decoder.decode(data).choices:
                            yield choice.delta.content or ""
        except aiohttp.ClientError as error:
            raise DemoFailed(f"POST {PATH}: {error}") from error

    async def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call the JSON API.

        Raises
        ------
        DemoFailed
        """
        try:
            async with self._session.request(method, path, json=body) as response:
                answer: dict[str, Any] = msgspec.json.decode(await _good(response))
        except aiohttp.ClientError as error:
            raise DemoFailed(f"{method} {path}: {error}") from error
        return answer


async def _good(response: aiohttp.ClientResponse) -> bytes:
    body = await response.read()
    if not response.ok:
        raise DemoFailed(
            f"{response.method} {response.url.path}: {response.status} {body[:300].decode(errors='replace')}"
        )
    return body


def _told(response: aiohttp.ClientResponse) -> dict[str, str]:
    headers = ((name.lower(), value) for name, value in response.headers.items())
    return {name.removeprefix(_PREFIX): value for name, value in headers if name.startswith(_PREFIX)}
