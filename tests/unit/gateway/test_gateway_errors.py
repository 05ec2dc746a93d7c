"""The answer to a bug of a handler that the framework calls."""

from typing import NoReturn

import httpx
import pytest
from starlette.requests import Request

from pointsman.contracts.config import Config
from pointsman_gateway.http.authentication import Authenticator
from pointsman_gateway.http.endpoint import HttpEndpoint
from pointsman_gateway.http.routing import build_application


class FaultyHandler:
    @HttpEndpoint("GET /faulty", name="fail", tag="operations", summary="Fail", answers={})
    async def get(self, _: Request) -> NoReturn:
        raise RuntimeError("a bug")

    @HttpEndpoint("GET /unreadable", name="answer", tag="operations", summary="Answer", answers={})
    async def answer(self, _: Request) -> object:
        return object()  # cannot be encoded


@pytest.mark.parametrize("path", ["/faulty", "/unreadable"])
async def test_a_bug_is_answered_with_a_problem_document(path: str) -> None:
    application = build_application([FaultyHandler()], Authenticator(Config()), 1000, {})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://gateway") as client:
        answer = await client.get(path)
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == "the gateway failed; its log has the reason"
