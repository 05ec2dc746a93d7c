from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from starlette.routing import Route

from pointsman.contracts.config import Config
from pointsman.contracts.config.tiers import TierConfig
from pointsman.contracts.messages.problem import CONTENT_TYPE
from pointsman_gateway import app as gateway_app
from pointsman_gateway.backends import Backends
from pointsman_gateway.chat.service import ChatGateway
from pointsman_gateway.decision_client import DecisionClient
from pointsman_gateway.http.authentication import Authenticator
from pointsman_gateway.http.endpoint import HttpEndpoint, declared_endpoints
from pointsman_gateway.registry import ENDPOINTS, HANDLERS, openapi_document

API: dict[str, Any] = json.loads(openapi_document())
OPERATIONS = [(path, method, what) for path, item in API["paths"].items() for method, what in item.items()]
STATIC = Path(gateway_app.__file__).parent / "console" / "static"


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


async def test_every_route_is_described_and_nothing_else() -> None:
    backends = Backends(Config(tier=[TierConfig(name="S")]))
    decisions = DecisionClient(backends)
    chat = ChatGateway(backends, decisions)
    routes = gateway_app.make_app(backends, Authenticator(backends.config), decisions, chat).routes
    served = {
        (r.path.replace(":path}", "}"), m)
        for r in routes
        if isinstance(r, Route)
        for m in r.methods or ()
        if m != "HEAD"
    }
    await backends.close()
    assert {(path, method.upper()) for path, method, _ in OPERATIONS} == served


@pytest.mark.parametrize("handler", HANDLERS, ids=lambda handler: handler.__name__)
def test_every_handler_accepts_and_returns_what_it_declares(handler: type) -> None:
    for declared, name in declared_endpoints(handler):
        hints = get_type_hints(getattr(handler, name))
        if declared.hot:
            assert "scope" in hints
            continue
        assert hints.get("body") is declared.body
        if declared.query is not None and declared.query.__struct_fields__:
            assert hints["query"] is declared.query
        returned = get_args(hints["return"]) or (hints["return"],)
        for kind in returned:
            if issubclass(kind, msgspec.Struct):
                assert kind is declared.answers[200].type


def test_every_reference_leads_somewhere_and_every_type_is_used() -> None:
    schemas = API["components"]["schemas"]
    used = {reference.removeprefix("#/components/schemas/") for reference in references(API)}
    assert used == set(schemas)


@pytest.mark.parametrize(("path", "method", "what"), OPERATIONS)
def test_every_error_is_a_problem(path: str, method: str, what: dict[str, Any]) -> None:
    for status, answer in what["responses"].items():
        assert answer["description"]
        if int(status) >= 400 and path != "/readyz" and what["tags"] != ["chat"]:
            assert list(answer["content"]) == [CONTENT_TYPE]
    assert "500" in what["responses"]


@pytest.mark.parametrize(("path", "method", "what"), OPERATIONS)
def test_every_part_of_a_path_is_a_parameter(path: str, method: str, what: dict[str, Any]) -> None:
    in_path = {p["name"] for p in what.get("parameters", []) if p["in"] == "path"}
    assert in_path == set(re.findall(r"\{(\w+)\}", path))
    assert what["summary"]
    assert (method in ("post", "put")) == ("requestBody" in what)


def test_operation_names_are_unique() -> None:
    names = [what["operationId"] for _, _, what in OPERATIONS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("declared", [one for one in ENDPOINTS if one.body], ids=lambda declared: declared.name)
def test_the_examples_are_what_the_decoders_accept(declared: HttpEndpoint) -> None:
    assert declared.examples
    for example in declared.examples.values():
        msgspec.json.decode(json.dumps(example), type=declared.body)


def test_ranges_are_in_the_schemas() -> None:
    quality = API["components"]["schemas"]["OutcomeReport"]["properties"]["quality"]["anyOf"][0]
    assert (quality["minimum"], quality["maximum"]) == (0, 100)


def test_docstrings_become_descriptions() -> None:
    schemas = API["components"]["schemas"]
    assert "Attributes" not in json.dumps(schemas)
    assert schemas["DecisionView"]["properties"]["draw"]["description"].startswith("The uniform random number")


@pytest.mark.parametrize("page", ["index.html", "docs.html"])
def test_the_pages_request_no_other_host(page: str) -> None:
    text = (STATIC / page).read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"""https?://|(src|href)=["']//|@import|\burl\(""", text)


def test_the_schemas_have_a_form_that_generators_of_clients_understand() -> None:
    """No tuples and no boolean schemas, which most generators fail on."""

    def check(node: Any) -> None:
        for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            check(value)
        if isinstance(node, dict):
            assert "prefixItems" not in node
            for name in ("items", "schema", "not"):
                assert not isinstance(node.get(name), bool), node
            assert all(isinstance(field, dict) for field in node.get("properties", {}).values())

    check(API["paths"])
    check(API["components"])
