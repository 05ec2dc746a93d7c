"""Extractors: classes that compute the context of a request, built in or custom."""

import importlib
import math
import traceback
from collections.abc import Sequence
from typing import Protocol

from pointsman.core.bandit.context import LARGEST
from pointsman.core.features.chat import CHAT_FEATURES_VERSION, CHAT_NAMES, chat_features
from pointsman.core.features.embedding import Embedding
from pointsman.core.features.errors import ExtractionFailed, ExtractorNotUsable
from pointsman.core.features.meaning import Meaning
from pointsman.core.features.prompt import FEATURES_VERSION, NAMES, prompt_features
from pointsman.core.features.request_view import RequestView

CHAT = "chat"
EMBEDDING = "embedding"
MEANING = "meaning"
PROMPT = "prompt"


class Extractor(Protocol):
    """Interface of a class for ``[llm] features = "module:Class"``, which is created without arguments."""

    @property
    def names(self) -> Sequence[str]:
        """Names of the features, as many as ``dim``."""
        ...

    @property
    def version(self) -> int | str:
        """Version of the features; change it when the meaning of a feature changes."""
        ...

    @property
    def dim(self) -> int:
        """d, the length of the contexts."""
        ...

    def extract(self, view: RequestView) -> Sequence[float]:
        """Return the context of a request: ``dim`` finite numbers of size about 1, including a constant 1."""
        ...


class ChatExtractor:
    """The twelve features of `pointsman.core.features.chat`."""

    names = CHAT_NAMES
    version = CHAT_FEATURES_VERSION
    dim = len(CHAT_NAMES)

    def extract(self, view: RequestView) -> list[float]:
        """Return the features."""
        return chat_features(view)


class PromptExtractor:
    """The twelve features of `pointsman.core.features.prompt`, of the user's last text."""

    names = NAMES
    version = FEATURES_VERSION
    dim = len(NAMES)

    def extract(self, view: RequestView) -> list[float]:
        """Return the features."""
        return prompt_features(view.last_user_text)


class CheckedExtractor:
    """An extractor whose results are validated.

    Parameters
    ----------
    name : str
        Name in the configuration.

    Attributes
    ----------
    label: Name and version; logged with each decision.

    Raises
    ------
    ExtractorNotUsable
        When it does not have the interface of an `Extractor`.
    """

    def __init__(self, extractor: Extractor, name: str) -> None:
        dim, names, version = (getattr(extractor, part, None) for part in ("dim", "names", "version"))
        if not isinstance(dim, int) or isinstance(dim, bool) or dim < 1:
            raise ExtractorNotUsable(f"{name}: dim: expected an integer of at least 1, got {dim!r}")
        if isinstance(names, str) or not isinstance(names, Sequence) or not all(isinstance(n, str) for n in names):
            raise ExtractorNotUsable(f"{name}: names: expected a list of texts")
        if len(names) != dim:
            raise ExtractorNotUsable(f"{name}: names: expected {dim} names, as many as dim, got {len(names)}")
        if not isinstance(version, int | str) or isinstance(version, bool):
            raise ExtractorNotUsable(f"{name}: version: expected an integer or text, got {version!r}")
        if not callable(getattr(extractor, "extract", None)):
            raise ExtractorNotUsable(f"{name}: has no method 'extract'")
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
            The extractor raised an exception, or did not return ``dim`` finite numbers of at most `LARGEST`.
        """
        try:
            context = [float(value) for value in self._extract(view)]
        except Exception as error:  # a custom class may raise anything
            raise ExtractionFailed(f"{self.name}: {_describe(error)}") from error
        if len(context) != self.dim:
            raise ExtractionFailed(f"{self.name}: expected {self.dim} numbers, got {len(context)}")
        for name, value in zip(self.names, context, strict=True):
            if not (math.isfinite(value) and abs(value) <= LARGEST):
                raise ExtractionFailed(f"{self.name}: {name}: expected a number of at most {LARGEST:g}, got {value:g}")
        return context


def make_extractor(name: str, dim: int, embedding_path: str | None = None) -> CheckedExtractor:
    """Return the extractor of a name, or raise `ExtractorNotUsable`.

    Parameters
    ----------
    name : str
        ``chat``, ``meaning``, ``prompt``, ``embedding`` or ``module:Class``.
    dim : int
        d, the length of the contexts; an embedding is projected to it.
    embedding_path : str, optional
        Folder of the model, for ``embedding``.
    """
    extractor: Extractor
    if name == CHAT:
        extractor = ChatExtractor()
    elif name == PROMPT:
        extractor = PromptExtractor()
    elif name == MEANING:
        extractor = Meaning()
    elif name == EMBEDDING:
        if not embedding_path:
            raise ExtractorNotUsable("embedding: set llm.embedding_path to the folder of the model")
        extractor = Embedding(embedding_path, dim)
    elif ":" in name:
        extractor = _load_class(name)
    else:
        raise ExtractorNotUsable(f"{name!r} is not one of {CHAT}, {MEANING}, {PROMPT}, {EMBEDDING}, module:Class")
    return CheckedExtractor(extractor, name)


def builtin_extractor(label: str) -> CheckedExtractor | None:
    """Return the built-in extractor with a label, its name and version; None for any other."""
    built_in = (CheckedExtractor(ChatExtractor(), CHAT), CheckedExtractor(PromptExtractor(), PROMPT))
    return next((extractor for extractor in built_in if extractor.label == label), None)


def _describe(error: Exception) -> str:
    """Return type and location of the error, without its message, which may contain user data."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {place.filename}:{place.lineno}"


def _load_class(path: str) -> Extractor:
    module, _, name = path.partition(":")
    try:
        extractor: Extractor = getattr(importlib.import_module(module), name)()
    except Exception as error:  # a custom module may raise anything while it is imported
        raise ExtractorNotUsable(f"cannot load {path}: {type(error).__name__}: {error}") from error
    return extractor
