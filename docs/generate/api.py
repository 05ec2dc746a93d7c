"""``docs/reference/api.md``, generated from the gateway's OpenAPI document."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from docs.generate.markdown import MADE, json_block, sentence, table
from docs.generate.schema_words import fields, words
from pointsman_gateway.api.openapi import document

Operation = dict[str, Any]

_USUAL_SHARE = 0.6
"""Errors that at least this share of the routes has with the same description are listed once."""


def page() -> str:
    """Return the page."""
    api = json.loads(document())
    usual = _usual(api)
    lines = [MADE, "", "# HTTP API", "", *api["info"]["description"].strip().splitlines(), ""]
    lines += [
        "The gateway serves this description itself: `/openapi.json` for tools, `/docs` for people. Decisions are also "
        "available over NATS: see [subjects](subjects.md). The [quick start](../tutorials/quickstart.md) shows the "
        "main calls in order.",
        "",
        *_usual_errors(usual),
    ]
    for tag in api["tags"]:
        lines += [f"## {tag['name'].capitalize()}", "", sentence(tag["description"]), ""]
        for method, path, operation in _operations(api, tag["name"]):
            lines += _operation(method, path, operation, usual)
    lines += [
        "## Types",
        "",
        "Fields with a default may be omitted. Ignore unknown fields in answers.",
        "",
    ]
    for name, schema in sorted(api["components"]["schemas"].items()):
        lines += [f"### {name}", "", sentence(schema.get("description", "")), "", *fields(schema, _linked)]
    return "\n".join(line for line in _without_double_blanks(lines)).strip() + "\n"


def _operations(api: dict[str, Any], tag: str) -> Iterator[tuple[str, str, Operation]]:
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            if tag in operation["tags"]:
                yield method.upper(), path, operation


def _usual(api: dict[str, Any]) -> set[tuple[str, str]]:
    """Return the errors that most routes have with the same description, as (status, description)."""
    answers = [one["responses"] for methods in api["paths"].values() for one in methods.values()]
    counted = Counter((status, one["description"]) for answer in answers for status, one in answer.items())
    return {error for error, routes in counted.items() if routes >= _USUAL_SHARE * len(answers) and error[0] >= "400"}


def _usual_errors(usual: set[tuple[str, str]]) -> list[str]:
    lines = table(("status", "when"), sorted(usual))
    return ["Nearly every route may also return one of these errors; the routes below omit them.", "", *lines]


def _operation(method: str, path: str, operation: Operation, usual: set[tuple[str, str]]) -> list[str]:
    scopes = [scope for way in operation["security"] for scope in next(iter(way.values()))]
    lines = [f"### {method} {path}", "", sentence(operation["summary"]), ""]
    lines += [operation.get("description", ""), "", f"Scope: `{scopes[0]}`." if scopes else "No key needed.", ""]
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
    answers = {s: one for s, one in operation["responses"].items() if (s, one["description"]) not in usual}
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
