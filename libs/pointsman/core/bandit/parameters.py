"""Parameters of policies: their types carry their ranges, and constructors check them."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar, get_type_hints

import msgspec
import numpy as np

from pointsman.core.bandit.errors import PolicyError
from pointsman.core.violations import find_violations

P = ParamSpec("P")
Self = TypeVar("Self")


def check_arguments(init: Callable[Concatenate[Self, P], None]) -> Callable[Concatenate[Self, P], None]:
    """Decorate a policy's ``__init__``: arguments outside the ranges of its annotations raise `PolicyError`."""

    def checked(self: Self, /, *args: P.args, **kwargs: P.kwargs) -> None:
        types = parameter_types(init)
        arguments = inspect.signature(init).bind(self, *args, **kwargs).arguments
        for name, value in arguments.items():
            if name in types:
                plain = value.item() if isinstance(value, np.generic) else value
                if isinstance(plain, bool):  # stored policies of older versions may contain one
                    plain = float(plain)
                for violation in find_violations(plain, types[name], ""):
                    raise PolicyError(violation.detail, name)
        init(self, *args, **kwargs)

    functools.update_wrapper(checked, init)
    return checked


def parameter_types(init: Callable[..., Any]) -> dict[str, Any]:
    """Return the parameters with numeric ranges of a policy's ``__init__``, and their types."""
    hints = get_type_hints(init, include_extras=True)
    return {name: of for name, of in hints.items() if name != "return" and hasattr(of, "__metadata__")}


def parameters_type(policy: type) -> type[msgspec.Struct]:
    """Return a struct with the parameters of a policy as fields, for JSON schemas and documentation."""
    signature = inspect.signature(policy)
    types = parameter_types(vars(policy)["__init__"]) if "__init__" in vars(policy) else {}
    fields = [(name, of, signature.parameters[name].default) for name, of in types.items()]
    return msgspec.defstruct(f"{policy.__name__}Parameters", fields, forbid_unknown_fields=True)
