"""``docs/reference/api.md``, generated from the OpenAPI document of the gateway."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from docs.generate.anchors import slug
from docs.generate.markdown import MADE, json_block, sentence, table
from docs.generate.schema_words import words
from pointsman_gateway.registry import openapi_document

Operation = dict[str, Any]

_COMMON_SHARE = 0.6
"""An error that at least this share of the endpoints answers, in the same words, is listed once for all."""


def page() -> str:
    """Return the page."""
    api = json.loads(openapi_document())
    common = _common_errors(api)
    lines = [MADE, "", "# HTTP API", "", *api["info"]["description"].strip().splitlines(), ""]
    lines += [
        "The gateway serves this description itself: `/openapi.json` for tools, `/docs` for people. Decisions are also "
        "available over NATS: see [subjects](subjects.md). The [quick start](../tutorials/quickstart.md) shows the "
        "main calls in order.",
        "",
        "## Endpoints",
        "",
        *_endpoint_table(api),
        "Almost every endpoint may also answer with one of these errors, which are not repeated below:",
        "",
        *table(("status", "when"), sorted(common)),
    ]
    for tag in api["tags"]:
        lines += [f"## {tag['name'].capitalize()}", "", sentence(tag["description"]), ""]
        for method, path, operation in _operations(api, tag["name"]):
            lines += _operation(method, path, operation, common)
    lines += [
        "## Types",
        "",
        "Fields marked *always* must be sent in a request, and are present in every answer. Ignore fields of an answer "
        "that are not listed here: a later version may add fields.",
        "",
    ]
    for name, schema in sorted(api["components"]["schemas"].items()):
        lines += [f"### {name}", "", sentence(schema.get("description", "")), "", *_fields(schema)]
    return "\n".join(line for line in _without_double_blanks(lines)).strip() + "\n"


def _endpoint_table(api: dict[str, Any]) -> list[str]:
    rows = [
        (f"[`{method} {path}`](#{slug(f'{method} {path}')})", _scope(operation) or "none", operation["summary"])
        for tag in api["tags"]
        for method, path, operation in _operations(api, tag["name"])
    ]
    return table(("endpoint", "scope", "purpose"), rows)


def _scope(operation: Operation) -> str:
    """Return the scope that an API key must have; empty when no key is needed."""
    return next((scope for way in operation["security"] for scopes in way.values() for scope in scopes), "")


def _operations(api: dict[str, Any], tag: str) -> Iterator[tuple[str, str, Operation]]:
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            if tag in operation["tags"]:
                yield method.upper(), path, operation


def _common_errors(api: dict[str, Any]) -> set[tuple[str, str]]:
    """Return the errors that most endpoints answer in the same words: status and description."""
    answers = [operation["responses"] for methods in api["paths"].values() for operation in methods.values()]
    counts = Counter((status, one["description"]) for answer in answers for status, one in answer.items())
    return {error for error, count in counts.items() if count >= _COMMON_SHARE * len(answers) and error[0] >= "400"}


def _fields(schema: Operation) -> list[str]:
    """Return the table of an object's fields."""
    required = schema.get("required", [])
    return table(
        ("field", "type", "presence", "meaning"),
        (
            (
                f"`{name}`",
                words(field, _linked),
                "always" if name in required else "optional",
                field.get("description", ""),
            )
            for name, field in schema.get("properties", {}).items()
        ),
    )


def _operation(method: str, path: str, operation: Operation, common: set[tuple[str, str]]) -> list[str]:
    scope = _scope(operation)
    lines = [f"### {method} {path}", "", sentence(operation["summary"]), ""]
    lines += [operation.get("description", ""), "", f"Scope: `{scope}`." if scope else "No key needed.", ""]
    lines += table(
        ("parameter", "in", "type", "meaning"),
        (
            (
                f"`{one['name']}`" + (", required" if one.get("required") else ""),
                one["in"],
                words(one["schema"], _linked),
                one.get("description", ""),
            )
            for one in operation.get("parameters", ())
        ),
    )
    body = operation.get("requestBody")
    if body:
        lines += [f"Body: {_content(body)}", ""]
        for example in _examples(body):
            lines += json_block(example)
    answers = {s: one for s, one in operation["responses"].items() if (s, one["description"]) not in common}
    lines += table(
        ("status", "answer", "body"), ((s, one["description"], _content(one)) for s, one in sorted(answers.items()))
    )
    lines += table(
        ("header", "meaning"),
        ((f"`{name}`", one["description"]) for name, one in answers.get("200", {}).get("headers", {}).items()),
    )
    for answer in answers.values():
        for example in _examples(answer)[:1]:
            if isinstance(example, dict) and "status" not in example:
                lines += json_block(example)
    return lines


def _content(part: dict[str, Any]) -> str:
    shown = []
    for kind, content in part.get("content", {}).items():
        schema = content.get("schema", {})
        typed = "$ref" in schema
        shown.append(words(schema, _linked) if typed else f"`{kind}`")
    return " or ".join(dict.fromkeys(shown))


def _examples(part: dict[str, Any]) -> list[Any]:
    found = []
    for content in part.get("content", {}).values():
        found += [one["value"] for one in content.get("examples", {}).values()]
        if "example" in content:
            found.append(content["example"])
    return found


def _linked(name: str) -> str:
    return f"[{name}](#{name.lower()})"


def _without_double_blanks(lines: list[str]) -> Iterator[str]:
    before = ""
    for line in lines:
        if line or before:
            yield line
        before = line
