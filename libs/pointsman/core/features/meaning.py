"""Features that see meaning: the twelve chat features and 25 directions of a static embedding.

    x = (chat features; P·e / ‖e‖)

with e the mean of the vectors of the tokens of the last user text, 256 numbers, and P of shape (25, 256). The vectors
and the tokenizer are those that the package ``wordllama`` 0.2.2 contains; its code is not imported, and nothing is
downloaded. P is shipped: the first principal directions of the vectors themselves, so it depends on no text and favours
no kind of prompt. ``python -m tools.meaning_projection`` computes it.

The vectors are made for English. In other languages they see the language and words that are written as in English, and
little more of the topic.
"""

import hashlib
import importlib
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointsman.core.features.chat import CHAT_FEATURES_VERSION, CHAT_NAMES, chat_features
from pointsman.core.features.errors import ExtractorNotUsable
from pointsman.core.features.request_view import RequestView, excerpt

DIRECTIONS = 25
MEANING_DIM = len(CHAT_NAMES) + DIRECTIONS
MAX_MEANING_CHARS = 1_500
"""Number of characters that are read from the start of an excerpt; the topic of a longer text shows in them."""

PROJECTION_FILE = Path(__file__).with_name("meaning_projection.npy")
_PACKAGES = ("wordllama", "tokenizers", "safetensors")
_WEIGHTS = "weights/l2_supercat_256.safetensors"
_TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"
_INSTALL = (
    "meaning: install the extra: pip install 'pointsman[meaning]' (`make setup` and the image include it); or set "
    'llm.features = "chat" and context.dim = 12, with tiers of new names if these have learned from 37 features'
)


def meaning_is_installed() -> bool:
    """Return whether the packages of the extra ``meaning`` are installed. Does not import them."""
    return all(importlib.util.find_spec(package) is not None for package in _PACKAGES)


class Meaning:
    """The chat features, followed by the projected embedding.

    Attributes
    ----------
    version: Version of the chat features, and digest of the vectors, the tokenizer and the projection.

    Raises
    ------
    ExtractorNotUsable
        The extra is not installed, or its files are not as expected.
    """

    names = (*CHAT_NAMES, *(f"meaning_{at}" for at in range(1, DIRECTIONS + 1)))
    dim = MEANING_DIM

    def __init__(self) -> None:
        self._tokenizer, self._vectors = load_vectors()
        self._projection: NDArray[np.float32] = np.load(PROJECTION_FILE, allow_pickle=False)
        digest = hashlib.sha256()
        for file in (*_files(), PROJECTION_FILE):
            with file.open("rb") as opened:
                digest.update(hashlib.file_digest(opened, "sha256").digest())
        self.version = f"{CHAT_FEATURES_VERSION}-{digest.hexdigest()[:8]}"

    def extract(self, view: RequestView) -> list[float]:
        """Return the context; the directions are 0 for a request without text of the user."""
        text = excerpt(view.last_user_text)[:MAX_MEANING_CHARS]
        e = self._embed(text.encode(errors="replace").decode())  # JSON may contain half of a surrogate pair
        length = float(np.linalg.norm(e))
        if length > 0.0:
            e /= length
        return [*chat_features(view), *(self._projection @ e).tolist()]

    def _embed(self, text: str) -> NDArray[np.float32]:
        ids = self._tokenizer.encode(text, add_special_tokens=False).ids
        if not ids:
            return np.zeros(self._vectors.shape[1], dtype=np.float32)
        e: NDArray[np.float32] = self._vectors[ids].mean(axis=0, dtype=np.float32)
        return e


def load_vectors() -> tuple[Any, NDArray[np.float16]]:
    """Return the tokenizer, and the vector of each token, shape (32000, 256); raise `ExtractorNotUsable`."""
    weights, tokenizer = _files()
    try:
        vectors: NDArray[np.float16] = importlib.import_module("safetensors.numpy").load_file(weights)[
            "embedding.weight"
        ]
        loaded = importlib.import_module("tokenizers").Tokenizer.from_file(str(tokenizer))
    except Exception as error:  # a missing or corrupt file may raise anything
        raise ExtractorNotUsable(f"meaning: cannot read the vectors of wordllama: {error}") from error
    loaded.no_truncation()
    loaded.no_padding()
    return loaded, vectors


def _files() -> tuple[Path, Path]:
    """Return the files of the package with the vectors and the tokenizer, without importing it."""
    spec = importlib.util.find_spec("wordllama")
    if not meaning_is_installed() or spec is None or spec.origin is None:
        raise ExtractorNotUsable(_INSTALL)
    root = Path(spec.origin).parent
    return root / _WEIGHTS, root / _TOKENIZER
