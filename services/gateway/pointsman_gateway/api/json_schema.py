"""JSON Schemas of msgspec types, in the form that documentation and client generators need."""

import json
import re
from collections.abc import Iterable
from typing import Any

import msgspec

Schema = dict[str, Any]

_SECTION = re.compile(r"\n\s*Attributes\n\s*-+\n")
_ENTRY = re.compile(r"(?P<names>[A-Za-z_]\w*(?:, [A-Za-z_]\w*)*)(?: : .*|: (?P<text>.*))?")
"""``name: text``, or ``name : type`` with the text on the lines below."""


def component_schemas(requests: Iterable[Any], answers: Iterable[Any]) -> tuple[dict[Any, Schema], dict[str, Schema]]:
    """Return the schema of each type, and the schemas of all structs by name.

    A client must send the fields without a default. It receives every field, unless the type leaves out fields that
    have their default. ``default`` itself becomes part of the description, because generators of clients take a field
    that has it for one that is always present.
    """
    bodies = list(requests)
    types = list(dict.fromkeys([*bodies, *answers]))
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    sent = _referenced([schema for kind, schema in zip(types, schemas, strict=True) if kind in bodies], components)
    structs = structs_by_name(types)
    for name, schema in components.items():
        struct = structs[name]
        describe_fields(schema, struct)
        if name not in sent and not struct.__struct_config__.omit_defaults:
            schema["required"] = [
                key for key, field in schema["properties"].items() if key in schema["required"] or "default" in field
            ]
        if name in sent:
            schema.setdefault("additionalProperties", True)
        for key, field in schema["properties"].items():
            schema["properties"][key] = _without_default(field, always_present=key in schema["required"])
    return dict(zip(types, for_generators(list(schemas)), strict=True)), for_generators(components)


def describe_fields(schema: Schema, struct: type[msgspec.Struct]) -> None:
    """Move the section ``Attributes`` of a schema's description to its properties, in place.

    The descriptions of inherited fields are those of the bases of ``struct``.
    """
    summary, _ = _split(schema.get("description", ""))
    if summary:
        schema["description"] = _markdown(" ".join(summary.split()))
    sections = [_split(base.__doc__ or "")[1] for base in reversed(struct.__mro__) if issubclass(base, msgspec.Struct)]
    for names, description in [found for section in sections for found in _attributes(section)]:
        for name in names:
            if name in schema.get("properties", {}) and description:
                schema["properties"][name]["description"] = _markdown(description)


def _referenced(node: Any, components: dict[str, Schema]) -> set[str]:
    """Return the names of all components that a schema refers to, directly or not."""
    found: set[str] = set()
    pending = [node]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            name = str(part.get("$ref", "")).rpartition("/")[2]
            if name and name not in found:
                found.add(name)
                pending.append(components[name])
            pending += part.values()
        elif isinstance(part, list):
            pending += part
    return found


def structs_by_name(types: Iterable[Any]) -> dict[str, Any]:
    """Return all struct types that the types consist of, by name."""
    found: dict[str, Any] = {}

    def visit(node: Any) -> None:
        if isinstance(node, msgspec.inspect.StructType):
            if node.cls.__name__ in found:
                return
            found[node.cls.__name__] = node.cls
        if isinstance(node, msgspec.Struct):
            for name in node.__struct_fields__:
                visit(getattr(node, name))
        elif isinstance(node, list | tuple):
            for item in node:
                visit(item)

    visit(msgspec.inspect.multi_type_info(types))
    return found


def _without_default(field: Schema, *, always_present: bool) -> Schema:
    default = field.pop("default", None)
    if default is None or always_present:
        return field
    text = f"Default: `{json.dumps(default, ensure_ascii=False)}`."
    return {**field, "description": f"{field['description']} {text}" if "description" in field else text}


def for_generators(node: Any) -> Any:
    """Return a schema in the form that every generator of clients understands.

    A tuple becomes an array of one item type, and an object without properties an object with any.
    """
    if isinstance(node, list):
        return [for_generators(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: for_generators(value) for key, value in node.items()}
    if "prefixItems" in node:
        items = node.pop("prefixItems")
        node["items"] = items[0] if all(item == items[0] for item in items) else {"anyOf": items}
    if node.get("type") == "object" and "properties" not in node:
        node.setdefault("additionalProperties", True)
    return node


def _split(docstring: str) -> tuple[str, str]:
    """Return the text before the section ``Attributes``, and that section."""
    heading = _SECTION.search(docstring)
    return (docstring[: heading.start()], docstring[heading.end() :]) if heading else (docstring, "")


def _attributes(section: str) -> list[tuple[list[str], str]]:
    lines = [line for line in section.splitlines() if line.strip()]
    margin = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    found: list[tuple[list[str], str]] = []
    for line in lines:
        entry = _ENTRY.fullmatch(line.strip())
        if len(line) - len(line.lstrip()) == margin and entry:
            found.append((entry["names"].split(", "), entry["text"] or ""))
        elif found:
            names, text = found[-1]
            found[-1] = (names, f"{text} {line.strip()}".strip())
    return found


def _markdown(text: str) -> str:
    return text.replace("``", "`")
