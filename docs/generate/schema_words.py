"""Describe a JSON Schema in words: the type of a field, and a table of an object's fields."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from docs.generate.markdown import plain, table

Schema = dict[str, Any]
Linked = Callable[[str], str]
"""Returns how a type is shown, usually as a link, from its name."""

_PLAIN = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "true or false",
    "object": "object",
    "null": "null",
    "any": "anything",
}


def words(schema: Schema, linked: Linked) -> str:
    """Return the type of a value in words, such as ``list of number`` or ``text or null``."""
    if "$ref" in schema:
        return linked(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema or "oneOf" in schema:
        return " or ".join(words(one, linked) for one in schema.get("anyOf") or schema["oneOf"])
    if "enum" in schema or "const" in schema:
        return _either(schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return _list(schema, linked)
    values = schema.get("additionalProperties")
    if schema.get("type") == "object" and isinstance(values, dict) and values:
        return f"object of {words(values, linked)}"
    return _plain_type(schema)


def fields(schema: Schema, linked: Linked) -> list[str]:
    """Return the table of an object's fields."""
    required = schema.get("required", [])
    rows = []
    for name, field in schema.get("properties", {}).items():
        default = "required" if name in required else default_of(field)
        rows.append((f"`{name}`", words(field, linked), default, plain(field.get("description", ""))))
    return table(("field", "type", "default", "meaning"), rows)


def default_of(field: Schema) -> str:
    """Return a field's default as the configuration page writes it."""
    if field.get("default") is None:
        return "none"
    return f"`{json.dumps(field['default'], ensure_ascii=False)}`"


def _plain_type(schema: Schema) -> str:
    if schema.get("contentEncoding") == "base64":
        return "base64"
    kinds = schema.get("type", "any")
    names = [_PLAIN.get(str(kind), str(kind)) for kind in (kinds if isinstance(kinds, list) else [kinds])]
    return " or ".join(names) + _bounds(schema)


def _list(schema: Schema, linked: Linked) -> str:
    if "prefixItems" in schema:
        return f"[{', '.join(words(item, linked) for item in schema['prefixItems'])}]"
    items = schema.get("items")
    return f"list of {words(items, linked)}" if isinstance(items, dict) and items else "list"


def _either(values: list[Any]) -> str:
    shown = [f"`{value}`" for value in values]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


def _bounds(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f", {low:g} to {high:g}"
    found = [
        f"{word} {schema[key]:g}"
        for key, word in (
            ("minimum", "at least"),
            ("exclusiveMinimum", "more than"),
            ("maximum", "at most"),
            ("exclusiveMaximum", "less than"),
        )
        if key in schema
    ]
    return f", {' and '.join(found)}" if found else ""
