"""Bodies and query parameters of requests."""

from typing import Any, Generic, TypeVar

import msgspec
from starlette.datastructures import QueryParams
from starlette.types import Receive, Scope

from pointsman.contracts.messages.codec import decode
from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.contracts.messages.validation import find_non_finite
from pointsman_gateway.http.body_memory import reserve, reserve_decoded
from pointsman_gateway.http.problems import ProblemError

T = TypeVar("T")


class ClientDisconnected(Exception):
    """The client disconnected before its request was complete."""


async def read_body(scope: Scope, receive: Receive, max_bytes: int) -> bytes:
    """Return the body, or raise `ClientDisconnected`; never read more than ``max_bytes`` of it.

    A body that is too long is a 413 as soon as it is known: by ``Content-Length``, or else while it is received. So is
    the 503 when all bodies together take too much memory.
    """
    for name, value in scope["headers"]:
        if name == b"content-length":
            if not value.isdigit() or int(value) > max_bytes:
                raise _too_long(max_bytes)
            reserve(scope, int(value))
            break
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnected
    body: bytes = message.get("body", b"")
    if len(body) <= max_bytes and not message.get("more_body", False):  # the usual case: all in the first message
        reserve_decoded(scope, body)
        return body
    parts, size = [body], len(body)
    while size <= max_bytes and message.get("more_body", False):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        reserve(scope, size)
    if size > max_bytes:
        raise _too_long(max_bytes)
    body = b"".join(parts)
    reserve_decoded(scope, body)
    return body


def decode_body(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Decode a body, or raise `InvalidMessage` that names the field, also when the field is NaN or infinite."""
    try:
        return decode(decoder, body)
    except InvalidMessage as error:
        non_finite = None if error.field else find_non_finite(body)
        if non_finite is None:
            raise
        raise non_finite from error.__cause__


def _too_long(max_bytes: int) -> ProblemError:
    # The connection stays open: closing it with unread data would reset it, and the client would not see the answer.
    # The server reads and drops the rest, within the limits of `protocol`.
    return ProblemError(413, f"expected a body of at most {max_bytes} bytes")


class QueryReader(Generic[T]):
    """Strict reader of query parameters: an unknown or repeated parameter is an error that names it."""

    def __init__(self, query_type: type[T]) -> None:
        self._type = query_type
        self.parameters = query_parameters(query_type)

    def read(self, query: QueryParams) -> T:
        """Return the parameters, or raise `InvalidMessage`."""
        texts: dict[str, str] = {}
        for name, text in query.multi_items():
            if name not in self.parameters:
                known = f"expected one of {', '.join(sorted(self.parameters))}" if self.parameters else "expected none"
                raise InvalidMessage(name[:80], f"unknown parameter; {known}")
            if name in texts:
                raise InvalidMessage(name, "expected once")
            schema = self.parameters[name]
            if text not in schema.get("enum", (text,)):
                raise self._invalid(name, text)
            integer = schema.get("type") == "integer"
            if integer and not (text.isascii() and text.isdigit()):
                raise self._invalid(name, text)  # msgspec accepts 1e1 too
            texts[name] = (text.lstrip("0") or "0") if integer else text  # msgspec refuses leading zeros
        try:
            return msgspec.convert(texts, self._type, strict=False)
        except msgspec.ValidationError as error:
            for name in texts:
                if f"`$.{name}`" in str(error):
                    raise self._invalid(name, query[name]) from error
            missing = next(name for name, schema in self.parameters.items() if schema["required"] and name not in texts)
            raise InvalidMessage(missing, "expected this parameter") from error

    def _invalid(self, name: str, text: str) -> InvalidMessage:
        return InvalidMessage(name, f"expected {_expected(self.parameters[name])}, got {text[:80]!r}")


def query_parameters(query_type: type) -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of each parameter by name, with ``required`` and without the null of an absent one."""
    _, components = msgspec.json.schema_components([query_type])
    schema = components[query_type.__name__]
    parameters: dict[str, dict[str, Any]] = {}
    for name, found in schema["properties"].items():
        given = [one for one in found.pop("anyOf", []) if one.get("type") != "null"]
        if found.get("default", "") is None:
            del found["default"]
        parameters[name] = {**found, **(given[0] if given else {}), "required": name in schema["required"]}
    return parameters


def _expected(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(schema["enum"])
    if schema["type"] == "boolean":
        return "true or false"
    return f"{schema['minimum']} to {schema['maximum']}" if "maximum" in schema else "a whole number"
