"""The ASGI application: routes, access checks and errors of all declared endpoints."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import msgspec
from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope

from pointsman.contracts.messages.codec import encode
from pointsman_gateway.http.authentication import Authenticator
from pointsman_gateway.http.edge import Edge, error_response
from pointsman_gateway.http.endpoint import HttpEndpoint, declared_endpoints
from pointsman_gateway.http.problems import problem
from pointsman_gateway.http.protocol import ConvertProblem, unchanged
from pointsman_gateway.http.request import ClientDisconnected, QueryReader, decode_body, read_body
from pointsman_gateway.http.response import FrameworkHandler, HotHandler, HttpResponse, HttpStreamResponse
from pointsman_gateway.http.web_pages import Guard

Check = Callable[[Scope], None]
PathChecks = Mapping[str, Callable[[str], object]]
"""By name of a path parameter: raises a `ProblemError` for a value that does not exist."""


def build_application(
    handlers: Iterable[object],
    authenticator: Authenticator,
    max_body_bytes: int,
    path_checks: PathChecks,
    convert_problem: ConvertProblem = unchanged,
    public: Collection[str] = (),
    guard: Guard | None = None,
) -> Edge:
    """Return the application with all endpoints of the handlers.

    ``max_body_bytes`` limits the bodies of the framework's endpoints; hot endpoints read their own. The ``public``
    paths need no API key, although their declaration has a scope. The ``path_checks`` run before a body is read, the
    ``guard`` before anything else. ``convert_problem`` gives the errors outside of an endpoint the format of the path's
    clients.
    """
    hot: dict[str, HotHandler] = {}
    routes: list[Route] = []
    for handler in handlers:
        for declared, name in declared_endpoints(type(handler)):
            method = getattr(handler, name)
            check = _check(declared, authenticator, public)
            if declared.hot:
                hot[declared.path] = _hot_handler(declared, method, check) if check or declared.errors else method
                # The edge answers POST itself; this route makes every other method a 405.
                answer = _unreachable()
            else:
                answer = _framework_handler(declared, method, check, max_body_bytes, path_checks)
            routes.append(Route(declared.path, answer, methods=[declared.method]))

    async def on_http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        headers = tuple((name.lower(), value) for name, value in (error.headers or {}).items())
        detail = {404: "no such route", 405: "this route does not have that method"}.get(error.status_code)
        document = problem(error.status_code, detail or error.detail, headers=headers)
        return convert_problem(request.url.path, request.headers, document).to_starlette()

    async def on_bug(request: Request, error: Exception) -> Response:
        return convert_problem(request.url.path, request.headers, error_response(request.scope, error)).to_starlette()

    def refuse(scope: Scope) -> HttpResponse | None:
        assert guard is not None
        refusal = guard(scope)
        if refusal is None:
            return None
        document = problem(refusal.status, refusal.detail)
        return convert_problem(scope["path"], Headers(scope=scope), document)

    app = FastAPI(
        routes=list[BaseRoute](routes),
        openapi_url=None,  # the document is made from the declarations
        docs_url=None,  # FastAPI's page loads scripts from another host
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={HTTPException: on_http_error, Exception: on_bug},
    )
    return Edge(app, hot, routes, refuse if guard else None)


def _check(declared: HttpEndpoint, authenticator: Authenticator, public: Collection[str]) -> Check | None:
    """Return the access check of an endpoint; None when there is nothing to check."""
    if declared.scope is None or declared.path in public or not authenticator.checks_requests:
        return None
    required = declared.scope
    return lambda scope: authenticator.check(scope, required)


def _hot_handler(declared: HttpEndpoint, method: HotHandler, check: Check | None) -> HotHandler:
    """Return a hot handler with its access check and error format."""

    async def answer(scope: Scope, receive: Receive) -> HttpResponse | HttpStreamResponse:
        try:
            if check:
                check(scope)
            return await method(scope, receive)
        except ClientDisconnected:
            raise
        except Exception as error:
            if declared.errors is None:
                raise
            return declared.errors.respond(error, Headers(scope=scope))

    return answer


def _framework_handler(
    declared: HttpEndpoint,
    method: Callable[..., Any],
    check: Check | None,
    max_body_bytes: int,
    path_checks: PathChecks,
) -> FrameworkHandler:
    """Return a handler of the framework: check access and path, decode query and body, encode the answer."""
    query = QueryReader(declared.query) if declared.query is not None else None
    decoder = msgspec.json.Decoder(declared.body) if declared.body is not None else None

    async def answer(request: Request) -> Response:
        arguments: dict[str, Any] = {}
        try:
            if check:
                check(request.scope)
            if query is not None:
                parameters = query.read(request.query_params)
                if query.parameters:
                    arguments["query"] = parameters
            for name, value in request.path_params.items():
                if name in path_checks:
                    path_checks[name](value)
            if decoder is not None:
                body = await read_body(request.scope, request.receive, max_body_bytes)
                arguments["body"] = decode_body(decoder, body or (b"" if declared.body_required else b"{}"))
            answered = await method(request, **arguments)
            if not isinstance(answered, Response | HttpResponse):
                answered = HttpResponse(200, encode(answered))
        except ClientDisconnected:
            raise
        except Exception as error:
            errors = declared.errors
            answered = errors.respond(error, request.headers) if errors else error_response(request.scope, error)
        return answered if isinstance(answered, Response) else answered.to_starlette()

    return answer


def _unreachable() -> FrameworkHandler:
    async def answer(_: Request) -> Response:
        raise AssertionError("the edge passed a hot request to the framework")

    return answer
