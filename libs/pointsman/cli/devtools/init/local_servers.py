"""Model servers on this machine, and their models."""

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from pointsman.contracts.config.providers import WELL_KNOWN
from pointsman.runtime.http import blocking
from pointsman.runtime.http.errors import HttpError

LOCAL = ("ollama", "lmstudio", "llamacpp", "vllm")
PROBE_TIMEOUT_S = 0.5
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


def find_local_models(
    addresses: Mapping[str, str] | None = None, timeout_s: float = PROBE_TIMEOUT_S
) -> dict[str, list[str]]:
    """Ask all local servers at once; return the models of those that respond, smallest first. ``addresses`` has base
    URLs that replace the default ones.
    """
    urls = {name: (addresses or {}).get(name) or WELL_KNOWN[name].base_url or "" for name in LOCAL}
    with ThreadPoolExecutor(len(urls)) as threads:
        found = threads.map(lambda item: _list_models(item[0], item[1], timeout_s), urls.items())
    return {name: models for name, models in zip(urls, found, strict=True) if models is not None}


def _list_models(name: str, base_url: str, timeout_s: float) -> list[str] | None:
    """Return the chat models of one server; None when there is no such server."""
    parts = urlsplit(base_url)
    try:
        if name == "ollama":
            tags = _get(f"{parts.scheme}://{parts.netloc}/api/tags", _OllamaTags, timeout_s)
            models = [model.name for model in sorted(tags.models, key=lambda model: (model.size, model.name))]
        else:
            path = parts.path.rstrip("/") or "/v1"
            listed = _get(f"{parts.scheme}://{parts.netloc}{path}/models", _OpenAIModels, timeout_s)
            models = sorted((model.id for model in listed.data), key=_size_key)
    except (HttpError, ValueError):
        return None
    usable = [model.removesuffix(":latest") for model in models if model.isprintable()]
    return [model for model in usable if not any(word in model.lower() for word in _NO_CHAT)]


def _get(url: str, type_: type[T], timeout_s: float) -> T:
    response = blocking.get(url, timeout_s, max_bytes=_MAX_BYTES)
    if not response.ok:
        raise ValueError(f"HTTP {response.status}")
    return msgspec.json.decode(response.body, type=type_)


def _size_key(model: str) -> tuple[float, str]:
    """Return the billions of parameters that most names contain, then the name."""
    found = _BILLIONS.search(model.lower())
    return (float(found[1]) if found else 0.0, model)
