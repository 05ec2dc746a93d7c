"""The extra ``meaning``: the chat features and an embedding, from installed packages, without network."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pointsman.core.features import CHAT_NAMES, CheckedExtractor, ExtractorNotUsable, make_extractor, view_request
from pointsman.core.features import meaning as meaning_module
from pointsman.core.features.meaning import MEANING_DIM, PROJECTION_FILE, meaning_is_installed
from tests.unit.core.features.requests import ask
from tools.meaning_projection import projection

needs_extra = pytest.mark.skipif(not meaning_is_installed(), reason="the extra 'meaning' is not installed")

TOPICS = {
    "code": ("Write a Python function that sorts a list", "How do I connect to a database in Java?"),
    "medicine": ("Which medicine helps against fever?", "What are the symptoms of diabetes?"),
    "law": ("Can my landlord terminate the contract?", "What does the court decide about damages?"),
}


@pytest.fixture(scope="module")
def extractor() -> CheckedExtractor:
    return make_extractor("meaning", MEANING_DIM)


def context(extractor: CheckedExtractor, text: str) -> list[float]:
    return extractor.extract(view_request(ask(text), "openai"))


@needs_extra
def test_prompts_of_one_topic_are_closer_than_those_of_two(extractor: CheckedExtractor) -> None:
    topics = {
        topic: [np.array(context(extractor, text)[len(CHAT_NAMES) :]) for text in texts]
        for topic, texts in TOPICS.items()
    }
    for topic, (one, other) in topics.items():
        farther = [one @ text for name, texts in topics.items() if name != topic for text in texts]
        assert one @ other > max(farther)


@needs_extra
@pytest.mark.parametrize(
    "text",
    [
        "",
        "Wie lange koche ich Kartoffeln?",
        "如何用Java连接数据库？",
        "क्या यह मान्य है?",
        "ما هي الأعراض؟",
        "\ud83d",
        "a" * 9_000,
    ],
)
def test_every_text_has_the_chat_features_and_directions_of_bounded_length(
    extractor: CheckedExtractor, text: str
) -> None:
    features = context(extractor, text)
    assert features[: len(CHAT_NAMES)] == context(make_extractor("chat", 12), text)
    assert len(features) == extractor.dim == len(extractor.names) == MEANING_DIM
    assert np.linalg.norm(features[len(CHAT_NAMES) :]) <= 1.0 + 1e-6


@needs_extra
def test_the_shipped_projection_is_the_one_that_the_tool_computes() -> None:
    np.testing.assert_allclose(np.load(PROJECTION_FILE), projection(), atol=1e-4)


@needs_extra
def test_another_projection_is_another_version(
    extractor: CheckedExtractor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "other.npy", -np.load(PROJECTION_FILE))
    monkeypatch.setattr(meaning_module, "PROJECTION_FILE", tmp_path / "other.npy")
    assert extractor.label.startswith("meaning/1-")
    assert make_extractor("meaning", MEANING_DIM).label != extractor.label


def test_without_the_extra_the_error_names_both_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meaning_module, "_PACKAGES", ("a_package_that_is_not_installed",))
    with pytest.raises(ExtractorNotUsable, match=r"pip install 'pointsman\[meaning\]'.*context\.dim = 12"):
        make_extractor("meaning", MEANING_DIM)


def test_processes_without_an_extractor_load_neither_vectors_nor_tokenizer() -> None:
    code = (
        "import sys, pointsman.contracts.config; print({'tokenizers', 'safetensors', 'wordllama'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
