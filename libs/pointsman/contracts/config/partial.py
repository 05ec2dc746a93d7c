"""Sections built in spite of violations, so that every other check runs and all problems are reported at once."""

import contextlib
from dataclasses import dataclass, field
from typing import Any, get_args, get_origin

import msgspec

from pointsman.core.violations import Violation, alternatives, join_path, struct_of


@dataclass(slots=True)
class PartialBuilder:
    """Builds sections from tables that do not fit them.

    A value of the right type that is out of its range is kept. Any other value that does not fit is replaced by the
    setting's default, or by an empty one if the setting is required.

    Attributes
    ----------
    violations: The violations that a section's constructor reported.
    replaced: Paths of the sections in which a value was replaced. Further problems of them may be consequences.
    """

    violations: list[Violation] = field(default_factory=list)
    replaced: set[str] = field(default_factory=set)

    def build(self, value: Any, expected: Any, path: str) -> Any:
        """Return the value as its type, or raise `msgspec.ValidationError` when it has another type."""
        with contextlib.suppress(msgspec.ValidationError):
            return msgspec.convert(value, expected)
        struct = struct_of(expected)
        if struct is not None and isinstance(value, dict):
            return self._section(value, struct, path)
        for kind in alternatives(expected):
            if get_origin(kind) is list and isinstance(value, list):
                return [self.build(item, get_args(kind)[0], join_path(path, index)) for index, item in enumerate(value)]
            if get_origin(kind) is dict and isinstance(value, dict):
                return {key: self.build(item, get_args(kind)[1], join_path(path, key)) for key, item in value.items()}
            if type(value) is kind:
                return value
            if kind is float and type(value) is int:
                with contextlib.suppress(OverflowError):
                    return float(value)
        raise msgspec.ValidationError(path)

    def concerns_replaced(self, path: str) -> bool:
        """Return whether a path is that of a section with a replaced value, or in it."""
        return any(path == section or path.startswith((f"{section}.", f"{section}[")) for section in self.replaced)

    def _section(self, table: dict[str, Any], struct: Any, path: str) -> Any:
        fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
        given: dict[str, Any] = {}
        if not table.keys() <= fields.keys():
            self.replaced.add(path)
        for name, setting in fields.items():
            if name not in table and not setting.required:
                continue
            try:
                given[setting.name] = self.build(table.get(name), setting.type, join_path(path, name))
            except msgspec.ValidationError:
                self.replaced.add(path)
                if setting.required:
                    given[setting.name] = "" if setting.type is str else []
        while True:
            try:
                return struct(**given)
            except ValueError as error:  # from __post_init__: "setting: problem"
                name, _, detail = str(error).partition(": ")
                if name not in given:
                    raise
                del given[name]
                self.violations.append(Violation(join_path(path, name), detail))
