"""Extractors: what turns a request into the context that policies see. Built in, or somebody's own class."""

from __future__ import annotations

import importlib
import math
import traceback
from collections.abc import Sequence
from typing import Any, Protocol

from pointsman.core.features.chat import CHAT_FEATURES_VERSION, CHAT_NAMES, chat_features
from pointsman.core.features.embedding import Embedding
from pointsman.core.features.errors import ExtractionFailed, ExtractorNotUsable
from pointsman.core.features.request_view import RequestView

CHAT = "chat"
EMBEDDING = "embedding"
LARGEST = 1e6
"""Features are meant to be of size 1; a larger one than this is an error."""


class Extractor(Protocol):
    """What a class has to be that ``[llm] features = "module:Class"`` names. It is made without arguments.

    Attributes
    ----------
    names : sequence of str, length ``dim``
        What each number is.
    version : int or str
        To be changed whenever the meaning of a number changes.
    dim : int
        d, the length of the contexts.
    """

    @property
    def names(self) -> Sequence[str]:
        """What each number is."""
        ...

    @property
    def version(self) -> int | str:
        """Another one whenever the meaning of a number changes."""
        ...

    @property
    def dim(self) -> int:
        """The length of the contexts."""
        ...

    def extract(self, view: RequestView) -> Sequence[float]:
        """Return the context of a request: ``dim`` finite numbers of size about 1, a constant 1 among them."""
        ...


class ChatExtractor:
    """The twelve features of `pointsman.core.features.chat`."""

    names = CHAT_NAMES
    version = CHAT_FEATURES_VERSION
    dim = len(CHAT_NAMES)

    def extract(self, view: RequestView) -> list[float]:
        """Return the features."""
        return chat_features(view)


class CheckedExtractor:
    """An extractor of which nothing gets out but a context.

    Parameters
    ----------
    extractor : Extractor
    name : str
        As the configuration names it.

    Attributes
    ----------
    label : str
        Its name and version: what is logged with each decision.

    Raises
    ------
    ExtractorNotUsable
        When a part of an `Extractor` is missing or wrong.
    """

    def __init__(self, extractor: Extractor, name: str) -> None:
        dim, names, version = (getattr(extractor, part, None) for part in ("dim", "names", "version"))
        if not isinstance(dim, int) or isinstance(dim, bool) or dim < 1:
            raise ExtractorNotUsable(f"{name}: its dim has to be a whole number of at least 1, got {dim!r}")
        if isinstance(names, str) or not isinstance(names, Sequence) or not all(isinstance(n, str) for n in names):
            raise ExtractorNotUsable(f"{name}: its names have to be a list of texts")
        if len(names) != dim:
            raise ExtractorNotUsable(f"{name}: it has {len(names)} names for a dim of {dim}")
        if not isinstance(version, int | str) or isinstance(version, bool):
            raise ExtractorNotUsable(f"{name}: its version has to be a whole number or a text, got {version!r}")
        if not callable(getattr(extractor, "extract", None)):
            raise ExtractorNotUsable(f"{name}: it has no method 'extract'")
        self.name = name
        self.label = f"{name}/{version}"
        self.dim = dim
        self.names = tuple(names)
        self._extract = extractor.extract

    def extract(self, view: RequestView) -> list[float]:
        """Return the context of a request.

        Raises
        ------
        ExtractionFailed
            The extractor raised, or what it returned is not ``dim`` finite numbers of at most `LARGEST` in size.
        """
        try:
            context = [float(value) for value in self._extract(view)]
        except Exception as error:  # somebody else's class may raise anything
            raise ExtractionFailed(f"{self.name}: {_what(error)}") from error
        if len(context) != self.dim:
            raise ExtractionFailed(f"{self.name}: expected {self.dim} numbers, got {len(context)}")
        for name, value in zip(self.names, context, strict=True):
            if not (math.isfinite(value) and abs(value) <= LARGEST):
                raise ExtractionFailed(f"{self.name}: {name}: expected a number of at most {LARGEST:g}, got {value:g}")
        return context


def make_extractor(name: str, dim: int, embedding_path: str | None = None) -> CheckedExtractor:
    """Build the extractor that a configuration names.

    Parameters
    ----------
    name : str
        ``chat``, ``embedding`` or ``module:Class``.
    dim : int
        How long contexts have to be; an embedding is made to be as long.
    embedding_path : str, optional
        The folder of the model, for ``embedding``.

    Raises
    ------
    ExtractorNotUsable
    """
    extractor: Extractor
    if name == CHAT:
        extractor = ChatExtractor()
    elif name == EMBEDDING:
        if not embedding_path:
            raise ExtractorNotUsable("embedding: needs the folder of a model, in llm.embedding_path")
        extractor = Embedding(embedding_path, dim)
    elif ":" in name:
        extractor = _from_outside(name)
    else:
        raise ExtractorNotUsable(f"{name!r} is not one of {CHAT}, {EMBEDDING}, module:Class")
    return CheckedExtractor(extractor, name)


def _what(error: Exception) -> str:
    """Return the error's type and place; not its message, which may hold what a user wrote."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {place.filename}:{place.lineno}"


def _from_outside(path: str) -> Extractor:
    module, _, name = path.partition(":")
    try:
        found: Any = getattr(importlib.import_module(module), name)
        made: Extractor = found()
    except Exception as error:  # somebody else's module may raise anything while it is imported
        raise ExtractorNotUsable(f"cannot load {path}: {type(error).__name__}: {error}") from error
    return made
