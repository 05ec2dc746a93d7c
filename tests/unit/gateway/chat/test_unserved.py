"""Paths without an endpoint: in the format of who asked for them."""

import json

import pytest

from pointsman_gateway.http.problems import problem
from pointsman_gateway.registry import client_problem

ANTHROPIC = {"anthropic-version": "2023-06-01"}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/v1/responses", "use chat completions"),
        ("/v1/responses/resp_1/cancel", "/v1/chat/completions"),
        ("/v1/embeddings", "call the provider itself"),
        ("/v1/completions", "/v1/chat/completions"),
        ("/v1/images/generations", "/v1/messages/count_tokens"),
        ("/v1/decision", "did you mean /v1/decisions?"),
        ("/v1/messages/batches", "/v1/messages/count_tokens"),
        ("/v1/chat/completions/x", "/v1/chat/completions"),
        ("/v1/v1/chat/completions", "must end without it"),
        ("/chat/completions", "must end with it"),
        ("/v1", "/v1/models"),
        ("/v1/", "/v1/models"),
    ],
)
def test_an_llm_route_that_is_not_served_is_an_error_of_the_dialect(path: str, words: str) -> None:
    answer = client_problem(path, {}, problem(404, "no such route"))
    assert (answer.status, answer.content_type) == (404, "application/json")
    error = json.loads(answer.body)["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", "unknown_url")
    assert words in error["message"]
    document = json.loads(client_problem(path, ANTHROPIC, problem(404, "no such route")).body)
    assert (document["type"], document["error"]["type"]) == ("error", "not_found_error")
    assert words in document["error"]["message"]


@pytest.mark.parametrize(
    "path", ["/", "/nope", "/v1/decisions/", "/v1/policies/T/nope", "/v1/arms/x", "//v1//arms", "/static/nope"]
)
def test_other_paths_have_problem_documents(path: str) -> None:
    document = problem(404, "no such route")
    assert client_problem(path, ANTHROPIC, document) is document


def test_other_errors_of_such_a_route_have_the_dialect_too() -> None:
    error = json.loads(client_problem("/v1/embeddings", {}, problem(413, "the request is too long")).body)["error"]
    assert error["message"] == "the request is too long"
