"""Declaration of an API endpoint. Routing, access checks, the OpenAPI document and the documentation are made from it.

A handler class decorates the method of each endpoint with its declaration, and ``registry.py`` lists the handler::

    class ArmsHandler:
        @HttpEndpoint(
            "GET /v1/arms", name="listArms", tag="insight", scope="read",
            summary="List what each arm has learned", query=ArmsQuery,
            answers={200: AnswerType("The arms", ArmList)}, problems=(404, 503),
        )
        async def get(self, request: Request, query: ArmsQuery) -> ArmList: ...

The method gets the request, and the decoded ``query`` and ``body`` where the declaration has their types. It returns
a struct, which becomes the JSON of a 200, or a whole `HttpResponse`. A *hot* endpoint gets ASGI's ``scope`` and
``receive`` instead, and is called without the framework in between.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, NamedTuple, TypeVar

import msgspec

from pointsman.contracts.access.keys import Scope as AccessScope
from pointsman_gateway.http.response import HttpResponse

Function = TypeVar("Function", bound=Callable[..., Any])

_ENDPOINT = "__pointsman_endpoint__"
_PARAMETER = re.compile(r"{(\w+)(:path)?}")


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The query parameters of an endpoint that has none: each one is refused."""


class AnswerType(NamedTuple):
    """A successful answer of an endpoint.

    Attributes
    ----------
    type: Type of the JSON body.
    text: Other media types that the body may have.
    headers: Descriptions of response headers by name.
    """

    description: str
    type: Any = None
    example: Any = None
    text: tuple[str, ...] = ()
    headers: Mapping[str, str] = {}


class ErrorFormat(NamedTuple):
    """How an endpoint writes its errors, when that is not a problem document.

    Attributes
    ----------
    type: Type of the JSON body of an error.
    descriptions: When each status is answered.
    respond: From an exception and the headers of the request to the response.
    convert: From a problem document and the headers of the request to the response.
    """

    type: Any
    descriptions: Mapping[int, str]
    respond: Callable[[Exception, Mapping[str, str]], HttpResponse]
    convert: Callable[[HttpResponse, Mapping[str, str]], HttpResponse]


@dataclass(frozen=True, eq=False)
class HttpEndpoint:
    """One method of one path; a decorator of the function that handles it.

    Attributes
    ----------
    route: Method and path, with parameters in braces as in ``GET /v1/policies/{tier}/history``; ``{name:path}`` may
        have slashes in it. A ``{tier}`` that is not configured is a 404.
    name: ``operationId`` of the OpenAPI document.
    tag: Section of the documentation.
    scope: What an API key must have to call it; None when no key is needed.
    answers: Successful answers by status.
    problems: Statuses of its errors, other than those that follow from the declaration (`statuses_of_errors`).
    query: Struct of the query parameters; None when the query is not read.
    body: Struct of the JSON body; None when there is none.
    examples: Examples of the body by title.
    request_headers: Descriptions of request headers by name.
    hot: The endpoint is called without the framework in between.
    long_body: The body may be as long as a conversation (``llm.max_body_bytes``).
    errors: None: problem documents.
    """

    route: str
    _: KW_ONLY
    name: str
    tag: str
    summary: str
    answers: Mapping[int, AnswerType]
    description: str = ""
    scope: AccessScope | None = None
    problems: tuple[int, ...] = ()
    query: type[msgspec.Struct] | None = NoParameters
    body: type[msgspec.Struct] | None = None
    body_required: bool = True
    examples: Mapping[str, Any] = field(default_factory=dict)
    request_headers: Mapping[str, str] = field(default_factory=dict)
    hot: bool = False
    long_body: bool = False
    errors: ErrorFormat | None = None

    def __call__(self, function: Function) -> Function:
        """Declare the function as the handler of this endpoint."""
        setattr(function, _ENDPOINT, self)
        return function

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self.route.partition(" ")[0]

    @property
    def path(self) -> str:
        """The path as the framework writes it."""
        return self.route.partition(" ")[2]

    @property
    def template(self) -> str:
        """The path as the OpenAPI document writes it."""
        return _PARAMETER.sub(r"{\1}", self.path)

    @property
    def path_parameters(self) -> list[str]:
        """Names of the parameters in the path."""
        return [match[1] for match in _PARAMETER.finditer(self.path)]

    @property
    def statuses_of_errors(self) -> list[int]:
        """All statuses of errors: the declared ones, and those of access, body, query and method."""
        statuses = {*self.problems, 405, 500, 503}
        if self.scope:
            statuses |= {401, 403, 429}
        if self.errors is None:
            statuses |= {400, 413, 422} if self.body else set()
            statuses |= {422} if self.query and not self.hot else set()
        return sorted(statuses - self.answers.keys())


def declared_endpoints(handler: type) -> Iterator[tuple[HttpEndpoint, str]]:
    """Yield the endpoints of a handler class, each with the name of its method."""
    for name, function in vars(handler).items():
        declared = getattr(function, _ENDPOINT, None)
        if declared is not None:
            yield declared, name
