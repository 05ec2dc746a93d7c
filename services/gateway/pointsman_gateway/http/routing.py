"""The ASGI application: routes, access checks and errors of all declared endpoints."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.errors import MessageError
from pointsman.runtime.bus import BusError
from pointsman.runtime.store.errors import StateError
from pointsman_gateway.http.authentication import Authenticator
from pointsman_gateway.http.edge import Edge
from pointsman_gateway.http.endpoint import HttpEndpoint, declared_endpoints
from pointsman_gateway.http.problems import ProblemError, problem, response_to_error
from pointsman_gateway.http.request import QueryReader, decode_body, read_body
from pointsman_gateway.http.response import FrameworkHandler, HotHandler, HttpResponse


def build_application(
    handlers: Iterable[object], authenticator: Authenticator, max_body_bytes: int, public: Collection[str] = ()
) -> Edge:
    """Return the application with all endpoints of the handlers.

    Parameters
    ----------
    handlers : iterable of object
        Instances of classes that declare endpoints.
    authenticator : Authenticator
    max_body_bytes : int
        Limit of bodies that the framework's endpoints read; hot endpoints read their own.
    public : collection of str
        Paths that need no API key, although their declaration has a scope.
    """
    hot: dict[str, HotHandler] = {}
    routes: list[Route] = []
    endpoints: list[HttpEndpoint] = []
    for handler in handlers:
        for declared, name in declared_endpoints(type(handler)):
            endpoints.append(declared)
            method = getattr(handler, name)
            scope = None if declared.path in public else declared.scope
            if declared.hot:
                checked = authenticator.protect_hot(scope, method) if scope else method
                hot[declared.path] = declared.errors.guard_hot(checked) if declared.errors else checked
                routes.append(Route(declared.path, _unreachable(), methods=[declared.method]))
            else:
                answer = _bind(declared, method, max_body_bytes)
                answer = authenticator.protect(scope, answer) if scope else answer
                answer = declared.errors.guard(answer) if declared.errors else answer
                routes.append(Route(declared.path, answer, methods=[declared.method]))

    async def on_http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        headers = tuple((name.lower(), value) for name, value in (error.headers or {}).items())
        detail = {404: "no such route", 405: "this route does not have that method"}.get(error.status_code)
        document = problem(error.status_code, detail or error.detail, headers=headers)
        return convert_problem(endpoints, request.url.path, request.headers, document).to_starlette()

    known = (ProblemError, MessageError, BusError, StateError)
    app = Starlette(
        routes=routes, exception_handlers={HTTPException: on_http_error, **dict.fromkeys(known, _on_known_error)}
    )
    app.router.redirect_slashes = False
    return Edge(app, hot, routes)


def convert_problem(
    endpoints: Iterable[HttpEndpoint], path: str, headers: Mapping[str, str], document: HttpResponse
) -> HttpResponse:
    """Return a problem document in the error format that clients of the path expect."""
    for declared in endpoints:
        if declared.errors and (path == declared.path or _matches_prefix(declared.path, path)):
            return declared.errors.convert(document, headers)
    return document


def _matches_prefix(template: str, path: str) -> bool:
    """Return whether a path is one of a template that ends in a parameter."""
    prefix, brace, _ = template.partition("{")
    return bool(brace) and path.startswith(prefix)


def _bind(declared: HttpEndpoint, method: Callable[..., Any], max_body_bytes: int) -> FrameworkHandler:
    """Return the method as a handler of the framework: decode query and body, encode the answer."""
    query = QueryReader(declared.query) if declared.query is not None else None
    decoder = msgspec.json.Decoder(declared.body) if declared.body is not None else None

    async def answer(request: Request) -> Response:
        arguments: dict[str, Any] = {}
        if query is not None:
            parameters = query.read(request.query_params)
            if query.parameters:
                arguments["query"] = parameters
        if decoder is not None:
            body = await read_body(request.scope, request.receive, max_body_bytes)
            arguments["body"] = decode_body(decoder, body or (b"" if declared.body_required else b"{}"))
        answered = await method(request, **arguments)
        if isinstance(answered, Response):
            return answered
        response = answered if isinstance(answered, HttpResponse) else HttpResponse(200, encode(answered))
        return response.to_starlette()

    return answer


def _unreachable() -> FrameworkHandler:
    """Return the handler of a route that makes methods other than POST a 405; the edge answers POST itself."""

    async def answer(_: Request) -> Response:
        raise AssertionError("the edge passed a hot request to the framework")

    return answer


async def _on_known_error(_: Request, error: Exception) -> Response:
    response = response_to_error(error)
    assert response is not None  # registered for the errors that have an answer
    return response.to_starlette()
