"""Features from a static embedding model: the embedding of the last user text, projected to d features.

A static model (model2vec) has a vector for each token; the embedding of a text is their mean. It takes tens of
microseconds without an accelerator; a transformer takes milliseconds. The model is a local folder with
``model.safetensors``, ``tokenizer.json`` and ``config.json``. Nothing is downloaded.

    x = (1, P·e / ‖e‖)

with e the embedding of D numbers and P of shape (d − 1, D): ``projection.npy`` in the folder of the model if it exists
(for example the directions of a PCA), else a fixed random matrix with entries ±1/√(d − 1). Such a projection preserves
lengths and angles in the mean (D. Achlioptas, Database-friendly random projections, JCSS 66, 2003, theorem 1.1). Its
signs are the bits of a hash, so they do not depend on the version of any library.
"""

import hashlib
import importlib
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pointsman.core.features.errors import ExtractorNotUsable
from pointsman.core.features.request_view import RequestView, excerpt

PROJECTION_FILE = "projection.npy"
_SEED = b"pointsman embedding projection 1"
_SUFFIXES = (".safetensors", ".json", ".npy")


class Embedding:
    """A constant 1, followed by the embedding.

    Parameters
    ----------
    path : path
        Folder of the model.
    dim : int
        d, the length of the contexts.

    Attributes
    ----------
    version: Digest of the model's files, so that another model is another version.

    Raises
    ------
    ExtractorNotUsable
        The extra is not installed, or the folder does not contain a valid model.
    """

    def __init__(self, path: Path | str, dim: int) -> None:
        folder = Path(path)
        if not folder.is_dir():
            raise ExtractorNotUsable(f"embedding: {path} is not a folder; models are not downloaded")
        self._model = _load(folder)
        size = int(self._model.dim)
        self._projection = _projection(folder, dim - 1, size)
        self.dim = dim
        self.names = ("bias", *(f"embedding_{at}" for at in range(1, dim)))
        self.version = _version(folder)

    def extract(self, view: RequestView) -> list[float]:
        """Return the context; all features but the constant are 0 when no word of the text is known."""
        e = np.asarray(self._model.encode([excerpt(view.last_user_text)])[0], dtype=np.float64)
        length = float(np.linalg.norm(e))
        if length > 0.0:
            e /= length
        return [1.0, *(self._projection @ e).tolist()]


def random_projection(rows: int, columns: int) -> NDArray[np.float64]:
    """Return P, shape (rows, columns), with entries ±1/√rows; equal for equal shapes."""
    seed = b"%s %d %d" % (_SEED, rows, columns)
    bits = np.unpackbits(np.frombuffer(hashlib.shake_256(seed).digest(-(-rows * columns // 8)), dtype=np.uint8))
    signs = 1.0 - 2.0 * bits[: rows * columns].astype(np.float64)
    p: NDArray[np.float64] = signs.reshape(rows, columns) / np.sqrt(rows)
    return p


def _load(folder: Path) -> Any:
    """Return the model from the folder, without network access."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        model2vec = importlib.import_module("model2vec")
    except ImportError as error:
        raise ExtractorNotUsable(
            f"embedding: install the extra: pip install 'pointsman[embeddings]' ({error})"
        ) from error
    try:
        return model2vec.StaticModel.from_pretrained(folder, force_download=False)
    except Exception as error:  # a corrupt file may raise anything
        raise ExtractorNotUsable(f"embedding: cannot read the model in {folder}: {error}") from error


def _projection(folder: Path, rows: int, columns: int) -> NDArray[np.float64]:
    if rows < 1:
        raise ExtractorNotUsable(f"embedding: expected context.dim of at least 2, got {rows + 1}")
    file = folder / PROJECTION_FILE
    if not file.exists():
        if rows > columns:
            raise ExtractorNotUsable(
                f"embedding: the model has {columns} numbers: expected context.dim of at most {columns + 1}, "
                f"got {rows + 1}"
            )
        return np.eye(rows) if rows == columns else random_projection(rows, columns)
    try:
        p: NDArray[np.float64] = np.load(file, allow_pickle=False).astype(np.float64)
    except (OSError, ValueError, TypeError) as error:
        raise ExtractorNotUsable(f"embedding: cannot read {file}: {error}") from error
    if p.shape != (rows, columns) or not np.isfinite(p).all():
        raise ExtractorNotUsable(
            f"embedding: {file}: expected finite numbers of shape {(rows, columns)} (context.dim − 1, size of the "
            f"embedding), got shape {p.shape}"
        )
    return p


def _version(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.suffix in _SUFFIXES and file.is_file():
            digest.update(file.relative_to(folder).as_posix().encode())
            with file.open("rb") as opened:
                digest.update(hashlib.file_digest(opened, "sha256").digest())
    return f"1-{digest.hexdigest()[:8]}"
