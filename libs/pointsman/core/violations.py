"""Why data do not fit a type, in plain English: the one translator of msgspec's errors."""

from __future__ import annotations

import difflib
import math
import re
import types
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

import msgspec
from msgspec import inspect

_AT = re.compile(r"^(?P<detail>.*?)(?: - at `(?P<path>\$.*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.(?P<field>[\w-]+)|\[(?P<index>\d+)\]")
_FIELD = re.compile(r"(?P<what>missing required|unknown) field `(?P<field>[^`]+)`")
_OWN = re.compile(r"(?P<field>\w+): (?P<detail>.*)", re.DOTALL)
_TYPE = re.compile(r"`(?P<names>[^`]+)`")
_WORDS = {
    "array": "a list",
    "bool": "true or false",
    "float": "a number",
    "int": "an integer",
    "null": "null",
    "object": "an object",
    "str": "text",
}


class Violation(NamedTuple):
    """Path of a field that is wrong (empty for the value as a whole), and what was expected and found."""

    path: str
    detail: str

    def __str__(self) -> str:
        """Return ``path: detail``."""
        return f"{self.path}: {self.detail}" if self.path else self.detail


def explain(error: msgspec.MsgspecError, value: Any, expected: Any, path: str = "") -> Violation:
    """Return msgspec's error with the path of the field, what was expected and, for numbers and choices, what was got.

    The other arguments are those of `find_violations`; ``value`` is None for data that cannot be decoded.
    """
    match = _AT.match(str(error))
    detail, steps = (match["detail"], match["path"] or "$") if match else (str(error), "$")
    found = _Found(value, expected, path)
    for step in _STEP.finditer(steps):
        found = found.enter(step["field"] or int(step["index"]))
    if named := _FIELD.search(detail):
        return Violation(join_path(found.path, named["field"]), _field_problem(found.expected, **named.groupdict()))
    if (own := _OWN.fullmatch(detail)) and own["field"] in _fields(found.expected):
        return Violation(join_path(found.path, own["field"]), own["detail"])  # of a struct's __post_init__
    return Violation(found.path, _bound_problem(found, detail) or _in_words(detail))


def find_violations(value: Any, expected: Any, path: str) -> Iterator[Violation]:
    """Yield every reason why a value does not fit a type, where msgspec stops at the first.

    Infinite numbers fit no type but `NonNegativeOrInfinite` and `Any`.

    Parameters
    ----------
    value : object
        Made of dicts, lists, strings and numbers.
    path : str
        Path of the value, which the fields' paths begin with.
    """
    found = _Found(value, expected, path)
    clean = True
    for part in _parts(found):
        for violation in find_violations(*part):
            clean = False
            yield violation
    try:
        msgspec.convert(value, expected)
    except msgspec.ValidationError as error:
        yield from _own_violations(found, error, clean)
    else:
        if isinstance(value, float) and not math.isfinite(value) and not _may_be_infinite(expected):
            yield Violation(path, f"expected a finite number, got {value}")


class _Found(NamedTuple):
    """A part of the data, the type it should have, and its path."""

    value: Any
    expected: Any
    path: str

    def enter(self, step: str | int) -> _Found:
        """Return the field or the item; what is unknown of it is None."""
        value, expected = None, None
        if isinstance(step, str):
            expected = _fields(self.expected).get(step, _value_type(self.expected))
            value = self.value.get(step) if isinstance(self.value, dict) else None
        else:
            expected = _item(self.expected, step)
            if isinstance(self.value, list | tuple) and step < len(self.value):
                value = self.value[step]
        return _Found(value, expected, join_path(self.path, step))


def _parts(found: _Found) -> Iterator[_Found]:
    """Yield the parts of a value that can be examined by themselves."""
    steps: Iterable[str | int] = found.value if isinstance(found.value, dict) else ()
    if isinstance(found.value, list):
        steps = range(len(found.value))
    yield from (part for part in map(found.enter, steps) if part.expected is not None)


def _own_violations(found: _Found, error: msgspec.ValidationError, clean: bool) -> Iterator[Violation]:
    """Yield what is wrong with a value itself: fields missing or unknown, and what its parts do not explain."""
    struct, fields = struct_of(found.expected), _fields(found.expected)
    if struct is not None and isinstance(found.value, dict):
        for name in found.value:
            if name not in fields and struct.__struct_config__.forbid_unknown_fields:
                clean = False
                yield Violation(join_path(found.path, name), _field_problem(struct, "unknown", name))
        for field in msgspec.structs.fields(struct):
            if field.required and field.encode_name not in found.value:
                clean = False
                yield Violation(join_path(found.path, field.encode_name), _field_problem(struct, "missing", ""))
    if clean:
        yield explain(error, *found)


def join_path(path: str, step: str | int) -> str:
    """Return the path of a field or an item of the value at a path."""
    if isinstance(step, int):
        return f"{path}[{step}]"
    name = step if re.fullmatch(r"[\w-]+", step) else repr(step)
    return f"{path}.{name}" if path else name


def alternatives(expected: Any) -> tuple[Any, ...]:
    """Return the types that a value may have, without their bounds and without None."""
    if get_origin(expected) is Annotated:
        return alternatives(get_args(expected)[0])
    if get_origin(expected) in (Union, types.UnionType):
        return tuple(one for part in get_args(expected) for one in alternatives(part))
    return () if expected is type(None) or expected is None else (expected,)


def struct_of(expected: Any) -> Any:
    """Return the struct among the types that a value may have; None when there is not exactly one."""
    found = [of for of in alternatives(expected) if isinstance(of, type) and issubclass(of, msgspec.Struct)]
    return found[0] if len(found) == 1 else None


def _fields(expected: Any) -> dict[str, Any]:
    struct = struct_of(expected)
    return {field.encode_name: field.type for field in msgspec.structs.fields(struct)} if struct else {}


def _value_type(expected: Any) -> Any:
    return next((get_args(of)[1] for of in alternatives(expected) if get_origin(of) is dict), None)


def _item(expected: Any, index: int) -> Any:
    for of in alternatives(expected):
        items = get_args(of)
        if get_origin(of) is list:
            return items[0]
        if get_origin(of) is tuple and index < len(items):
            return items[index]
    return None


def _leaf(expected: Any) -> Any:
    """Return msgspec's description of a type that is neither a struct nor a union, apart from None."""
    if expected is None:
        return None
    described = inspect.type_info(expected)
    parts = described.types if isinstance(described, inspect.UnionType) else (described,)
    known = [part for part in parts if not isinstance(part, inspect.NoneType)]
    leaf = known[0] if len(known) == 1 else None
    return leaf.type if isinstance(leaf, inspect.Metadata) else leaf


def _may_be_infinite(expected: Any) -> bool:
    if expected is Any:
        return True
    described = inspect.type_info(expected)
    return isinstance(described, inspect.Metadata) and bool((described.extra or {}).get("infinite"))


def _bound_problem(found: _Found, detail: str) -> str:
    """Return what is wrong where a value has the right type and is out of its range; empty elsewhere."""
    if ", got `" in detail:
        return ""
    leaf, value = _leaf(found.expected), found.value
    if isinstance(leaf, inspect.LiteralType):
        choices = [str(choice) for of in alternatives(found.expected) for choice in get_args(of)]
        return f"expected {_either(choices)}, got {value!r}"[:300]
    allowed = _range(leaf)
    if not allowed:
        return ""
    if isinstance(leaf, inspect.FloatType | inspect.IntType):
        return f"expected {allowed}, got {value!r}"[:300]
    if not isinstance(value, str | list | tuple | dict | None):
        return ""
    unit = "characters" if isinstance(leaf, inspect.StrType) else "items"
    return f"expected {allowed} {unit}, got {len(value)}" if value is not None else f"expected {allowed} {unit}"


def _range(leaf: Any) -> str:
    """Return the range of a number or of a length in words; empty when there is none."""
    low, above = getattr(leaf, "ge", getattr(leaf, "min_length", None)), getattr(leaf, "gt", None)
    high, below = getattr(leaf, "le", getattr(leaf, "max_length", None)), getattr(leaf, "lt", None)
    if low is not None and high is not None:
        return f"{_number(low)} to {_number(high)}"
    words = [
        f"{word} {_number(bound)}"
        for word, bound in (("at least", low), ("more than", above), ("at most", high), ("less than", below))
        if bound is not None
    ]
    return " and ".join(words)


def _number(bound: float) -> str:
    return str(int(bound)) if bound == int(bound) else f"{bound:g}"


def _either(choices: list[str]) -> str:
    return f"{', '.join(choices[:-1])} or {choices[-1]}" if len(choices) > 1 else choices[0]


def _field_problem(struct: Any, what: str, field: str) -> str:
    if what.startswith("missing"):
        return "required, but missing"
    close = difflib.get_close_matches(field, _fields(struct), n=1)
    return f"unknown field; did you mean {close[0]!r}?" if close else "unknown field"


def _in_words(detail: str) -> str:
    """Return msgspec's own text with the names of its types in words."""
    text = _TYPE.sub(
        lambda match: _either([_WORDS.get(n, n) for n in match["names"].split(" | ") if n != "null"] or ["null"]),
        detail,
    )
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]
