"""What a request means, as numbers: the embedding of its last user's text by a static model, projected to d.

A static model (model2vec) has a vector for each token; a text is their mean. That takes tens of microseconds, and no
accelerator, where a transformer takes milliseconds. The model is a folder on this machine: ``model.safetensors``,
``tokenizer.json`` and ``config.json``. Nothing is ever downloaded.

    x = (1, P·e / ‖e‖)

with e the embedding, of D numbers, and P of shape (d − 1, D): ``projection.npy`` in the model's folder where there is
one (the directions of a PCA, say), or else a fixed random one, of entries ±1/√(d − 1). Such a projection keeps lengths
and angles in the mean (D. Achlioptas, Database-friendly random projections, JCSS 66, 2003, theorem 1.1). Its signs are
the bits of a hash, so that they are the same with every version of every library.
"""

from __future__ import annotations

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
    """A static model's embedding, after a constant 1.

    Parameters
    ----------
    path : path
        The model's folder.
    dim : int
        d, the length of the contexts.

    Attributes
    ----------
    version : str
        Made from the bytes of the model's files, so that another model is another version.

    Raises
    ------
    ExtractorNotUsable
        The extra is not installed, or the folder does not hold what is needed.
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
        """Return the context; the constant alone where no word of the text is known."""
        e = np.asarray(self._model.encode([excerpt(view.last_user_text)])[0], dtype=np.float64)
        length = float(np.linalg.norm(e))
        if length > 0.0:
            e /= length
        return [1.0, *(self._projection @ e).tolist()]


def random_projection(rows: int, columns: int) -> NDArray[np.float64]:
    """Return P, shape (rows, columns), of entries ±1/√rows; always the same for the same shape."""
    seed = b"%s %d %d" % (_SEED, rows, columns)
    bits = np.unpackbits(np.frombuffer(hashlib.shake_256(seed).digest(-(-rows * columns // 8)), dtype=np.uint8))
    signs = 1.0 - 2.0 * bits[: rows * columns].astype(np.float64)
    p: NDArray[np.float64] = signs.reshape(rows, columns) / np.sqrt(rows)
    return p


def _load(folder: Path) -> Any:
    """Return the model. A folder that exists is never looked for elsewhere; being offline holds for what it imports."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        model2vec = importlib.import_module("model2vec")
    except ImportError as error:
        raise ExtractorNotUsable(
            f"embedding: needs the extra: pip install 'pointsman[embeddings]' ({error})"
        ) from error
    try:
        return model2vec.StaticModel.from_pretrained(folder, force_download=False)
    except Exception as error:  # whatever a broken file makes its readers raise
        raise ExtractorNotUsable(f"embedding: cannot read the model in {folder}: {error}") from error


def _projection(folder: Path, rows: int, columns: int) -> NDArray[np.float64]:
    if rows < 1:
        raise ExtractorNotUsable(f"embedding: context.dim has to be at least 2, got {rows + 1}")
    file = folder / PROJECTION_FILE
    if not file.exists():
        if rows > columns:
            raise ExtractorNotUsable(
                f"embedding: the model has {columns} numbers, so context.dim can be at most {columns + 1}, "
                f"got {rows + 1}"
            )
        return np.eye(rows) if rows == columns else random_projection(rows, columns)
    try:
        p: NDArray[np.float64] = np.load(file, allow_pickle=False).astype(np.float64)
    except (OSError, ValueError, TypeError) as error:
        raise ExtractorNotUsable(f"embedding: cannot read {file}: {error}") from error
    if p.shape != (rows, columns) or not np.isfinite(p).all():
        raise ExtractorNotUsable(
            f"embedding: {file} has to hold finite numbers in the shape {(rows, columns)}: context.dim less 1, and the "
            f"model's numbers; its shape is {p.shape}"
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
