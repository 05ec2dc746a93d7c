"""The extra ``embeddings``, with a tiny model that is made here: no network, and none that is found on the machine."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pointsman.core.features import ExtractorNotUsable, make_extractor, view_request
from pointsman.core.features.embedding import random_projection
from tests.unit.core.features.requests import ask

needs_extra = pytest.mark.skipif(
    importlib.util.find_spec("model2vec") is None, reason="the extra 'embeddings' is not installed"
)

WORDS = ("[UNK]", "sky", "blue", "sea", "contract", "court", "law")
SIZE = 6


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A static model: a vector for each word, those of nature and those of law apart."""
    folder = tmp_path / "model"
    folder.mkdir()
    vectors = np.zeros((len(WORDS), SIZE), dtype=np.float32)
    vectors[1:4, :3] = np.eye(3) + 1.0
    vectors[4:7, 3:] = np.eye(3) + 1.0
    importlib.import_module("safetensors.numpy").save_file({"embeddings": vectors}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"normalize": True}), encoding="utf-8")
    tokenizer: dict[str, object] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": {word: at for at, word in enumerate(WORDS)}, "unk_token": "[UNK]"},
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    return folder


def context(folder: Path, dim: int, text: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array(make_extractor("embedding", dim, str(folder)).extract(view_request(ask(text), "openai")))


@needs_extra
def test_texts_of_one_kind_are_close_and_those_of_another_are_not(model: Path) -> None:
    sky, sea, law = (context(model, SIZE + 1, text) for text in ("The sky is blue", "blue sea", "court and contract"))
    assert sky[0] == sea[0] == law[0] == 1.0
    assert sky[1:] @ sea[1:] > 0.9
    assert abs(sky[1:] @ law[1:]) < 1e-9
    assert np.linalg.norm(sky[1:]) == pytest.approx(1.0)


@needs_extra
def test_an_embedding_follows_the_dimension_that_is_wanted(model: Path) -> None:
    extractor = make_extractor("embedding", 4, str(model))
    assert (extractor.dim, extractor.names) == (4, ("bias", "embedding_1", "embedding_2", "embedding_3"))
    full, p = context(model, SIZE + 1, "blue law"), random_projection(3, SIZE)
    assert context(model, 4, "blue law")[1:] == pytest.approx(p @ full[1:])


@needs_extra
def test_a_projection_in_the_folder_is_used(model: Path) -> None:
    p = np.arange(2.0 * SIZE).reshape(2, SIZE)
    np.save(model / "projection.npy", p)
    assert context(model, 3, "sea court")[1:] == pytest.approx(p @ _full(model, "sea court"))


@needs_extra
def test_a_text_without_a_known_word_has_the_constant_alone(model: Path) -> None:
    assert context(model, 4, "xyzzy").tolist() == [1.0, 0.0, 0.0, 0.0]
    assert context(model, 4, "").tolist() == [1.0, 0.0, 0.0, 0.0]


@needs_extra
def test_another_model_and_another_projection_are_other_versions(model: Path) -> None:
    label = make_extractor("embedding", 4, str(model)).label
    assert label.startswith("embedding/1-")
    assert make_extractor("embedding", 4, str(model)).label == label
    np.save(model / "projection.npy", np.ones((3, SIZE)))
    projected = make_extractor("embedding", 4, str(model)).label
    (model / "config.json").write_text(json.dumps({"normalize": False}), encoding="utf-8")
    assert len({label, projected, make_extractor("embedding", 4, str(model)).label}) == 3


@needs_extra
def test_an_unsuitable_model_is_reported(model: Path) -> None:
    with pytest.raises(ExtractorNotUsable, match=r"has 6 numbers: expected context\.dim of at most 7, got 12"):
        make_extractor("embedding", 12, str(model))
    with pytest.raises(ExtractorNotUsable, match=r"expected context\.dim of at least 2, got 1"):
        make_extractor("embedding", 1, str(model))
    np.save(model / "projection.npy", np.ones((2, 2)))
    with pytest.raises(ExtractorNotUsable, match=r"of shape \(3, 6\) .*got shape \(2, 2\)"):
        make_extractor("embedding", 4, str(model))
    (model / "projection.npy").write_bytes(b"no array")
    with pytest.raises(ExtractorNotUsable, match=r"cannot read .*projection\.npy"):
        make_extractor("embedding", 4, str(model))


@needs_extra
def test_a_folder_without_a_model_is_no_reason_to_look_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(ExtractorNotUsable, match="cannot read the model in"):
        make_extractor("embedding", 4, str(tmp_path))


@needs_extra
def test_loading_a_model_forbids_its_libraries_the_network(model: Path) -> None:
    code = (
        "import sys; from pointsman.core.features import make_extractor; make_extractor('embedding', 4, sys.argv[1]); "
        "import huggingface_hub.constants as c; print(c.HF_HUB_OFFLINE)"
    )
    run = [sys.executable, "-c", code, str(model)]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    path = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(run, env=environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_a_name_that_is_no_folder_is_not_looked_up_elsewhere() -> None:
    with pytest.raises(ExtractorNotUsable, match="minishlab/potion-base-8M is not a folder; models are not downloaded"):
        make_extractor("embedding", 12, "minishlab/potion-base-8M")


def test_without_the_extra_the_error_has_the_install_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "model2vec", None)  # importing it raises ImportError
    with pytest.raises(ExtractorNotUsable, match=r"pip install 'pointsman\[embeddings\]'"):
        make_extractor("embedding", 12, str(tmp_path))


def test_the_random_projection_is_always_the_same() -> None:
    signs = [[1, -1, -1, 1, -1], [-1, 1, 1, -1, 1]]
    assert random_projection(2, 5) == pytest.approx(np.array(signs) / np.sqrt(2.0))


def test_the_random_projection_keeps_lengths_and_angles_in_the_mean() -> None:
    """Of 60 fixed pairs: deterministic, as the projection is."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 60, 256))
    a, b = a / np.linalg.norm(a, axis=1, keepdims=True), b / np.linalg.norm(b, axis=1, keepdims=True)
    p = random_projection(63, 256)
    assert np.mean(np.sum((a @ p.T) ** 2, axis=1)) == pytest.approx(1.0, abs=0.1)
    assert np.sum((a @ p.T) * (b @ p.T), axis=1) == pytest.approx(np.sum(a * b, axis=1), abs=0.6)


def _full(model: Path, text: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the embedding itself, by the seven numbers without a projection."""
    (model / "projection.npy").rename(model / "aside")
    found = context(model, SIZE + 1, text)[1:]
    (model / "aside").rename(model / "projection.npy")
    return found
