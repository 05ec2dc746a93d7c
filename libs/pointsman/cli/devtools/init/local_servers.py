"""Which model servers run on this machine, and what they have."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from pointsman.contracts.config.providers import WELL_KNOWN

PATIENCE_S = 0.5
LOCAL = ("ollama", "lmstudio", "llamacpp", "vllm")
_MAX_BYTES = 4 * 1024 * 1024
_NO_CHAT = ("embed", "rerank", "whisper")
_BILLIONS = re.compile(r"(\d+(?:\.\d+)?)b\b")


T = TypeVar("T")


class _OllamaModel(msgspec.Struct, frozen=True):
    name: str
    size: int = 0


class _OllamaTags(msgspec.Struct, frozen=True):
    models: list[_OllamaModel] = []


class _OpenAIModel(msgspec.Struct, frozen=True):
    id: str


class _OpenAIModels(msgspec.Struct, frozen=True):
    data: list[_OpenAIModel]


def find_local(addresses: Mapping[str, str] | None = None, patience_s: float = PATIENCE_S) -> dict[str, list[str]]:
    """Ask all local servers at once; return the models of those that answer, smallest first.

    Parameters
    ----------
    addresses : mapping, optional
        Other base URLs than the usual ones, by name of the provider.
    patience_s : float
        For each of them.
    """
    wanted = {name: (addresses or {}).get(name) or WELL_KNOWN[name].base_url or "" for name in LOCAL}
    with ThreadPoolExecutor(len(wanted)) as asking:
        found = asking.map(lambda item: _models(item[0], item[1], patience_s), wanted.items())
    return {name: models for name, models in zip(wanted, found, strict=True) if models is not None}


def _models(name: str, base_url: str, patience_s: float) -> list[str] | None:
    """Return the models of one server that may chat; None when nobody answers as such a server would."""
    parts = urlsplit(base_url)
    try:
        if name == "ollama":
            tags = _get(f"{parts.scheme}://{parts.netloc}/api/tags", _OllamaTags, patience_s)
            models = [model.name for model in sorted(tags.models, key=lambda model: (model.size, model.name))]
        else:
            path = parts.path.rstrip("/") or "/v1"
            listed = _get(f"{parts.scheme}://{parts.netloc}{path}/models", _OpenAIModels, patience_s)
            models = sorted((model.id for model in listed.data), key=_by_size)
    except (OSError, ValueError, msgspec.MsgspecError):
        return None
    usable = [model.removesuffix(":latest") for model in models if model.isprintable()]
    return [model for model in usable if not any(word in model.lower() for word in _NO_CHAT)]


def _get(url: str, type_: type[T], patience_s: float) -> T:
    with _OPENER.open(url, timeout=patience_s) as answer:
        return msgspec.json.decode(answer.read(_MAX_BYTES), type=type_)


def _by_size(model: str) -> tuple[float, str]:
    """Sort by the billions of parameters that are in most names."""
    found = _BILLIONS.search(model.lower())
    return (float(found[1]) if found else 0.0, model)


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Without the environment's proxies: these servers are on this machine."""
