"""``[llm]``: the tiers of ``auto``, and what makes the contexts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pointsman.contracts.config import Config, ConfigError, length_problem, load_config, request_extractor
from pointsman.contracts.config.llm import LlmConfig
from pointsman.contracts.config.tiers import ContextConfig, TierConfig

TIERS = ["A", "B"]


def config(dim: int = 12, mismatch: Any = "reject", **llm: Any) -> Config:
    tiers = [TierConfig(name=name) for name in TIERS]
    return Config(context=ContextConfig(dim=dim, mismatch=mismatch), tier=tiers, llm=LlmConfig(**llm))


def load(tmp_path: Path, text: str) -> Config:
    file = tmp_path / "pointsman.toml"
    file.write_text("[[tier]]\nname = 'A'\n[[tier]]\nname = 'B'\n" + text, encoding="utf-8")
    return load_config(file, environ={})


def test_tiers_of_auto_may_be_a_list_of_tables(tmp_path: Path) -> None:
    text = "[llm]\nauto_weights = {risk = 0.9}\n[[llm.auto]]\ntier = 'A'\nbelow = 0.3\n[[llm.auto]]\ntier = 'B'\n"
    scores = load(tmp_path, text).llm.tier_score(TIERS)
    assert [scores.tier(score) for score in (0.0, 0.29, 0.3, 1.0)] == ["A", "A", "B", "B"]
    assert 0.9 in scores.weights


def test_what_is_above_all_bounds_has_the_default_tier() -> None:
    auto = config(auto=[]).llm
    assert auto.tier_score(TIERS).tier(1.0) == "A"
    assert LlmConfig(default_tier="B").tier_score(TIERS).tier(0.0) == "B"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("auto = [{tier = 'C'}]", "llm.auto[0].tier: there is no tier 'C'"),
        ("auto = [{below = 0.3}]", "llm.auto[0].tier: required, but missing"),
        ("auto = [{tier = 'A', under = 1}]", "llm.auto[0].under: unknown field"),
        ("auto = [{tier = 'A'}, {tier = 'B', below = 0.5}]", "llm.auto[0].below: required for all tiers but the last"),
        ("auto = [{tier = 'A', below = 0.0}]", "llm.auto[0].below: expected more than 0 and at most 1, got 0.0"),
        ("auto = [{tier = 'A', below = 1.5}]", "llm.auto[0].below: expected more than 0 and at most 1, got 1.5"),
        ("auto = [{tier = 'A', below = nan}]", "llm.auto[0].below: expected more than 0 and at most 1, got nan"),
        (
            "auto = [{tier = 'A', below = 0.5}, {tier = 'B', below = 0.5}]",
            "llm.auto[1].below: expected more than 0.5, got 0.5",
        ),
        ("auto_weights = {colour = 1.0}", "llm.auto_weights.colour: unknown feature; the features are: bias, tokens,"),
        ("auto_weights = {risk = inf}", "llm.auto_weights.risk: expected a finite number, got inf"),
        ("features = 'chatty'", "llm.features: expected chat, meaning, embedding or module:Class, got 'chatty'"),
        ("features = 'module:'", "llm.features: expected chat, meaning, embedding or module:Class, got 'module:'"),
        ("features = 'embedding'", "llm.embedding_path: required for features = 'embedding'"),
        ("embedding_path = 'm'", "llm.embedding_path: requires features = 'embedding'"),
    ],
)
def test_a_problem_has_the_name_of_the_setting(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, f"[llm]\n{text}")
    assert [found for found in raised.value.problems if found.startswith(problem)], raised.value.problems


def test_a_class_that_only_the_gateway_has_is_no_problem_of_the_others() -> None:
    assert list(LlmConfig(features="nowhere:Extractor").problems()) == []
    with pytest.raises(ConfigError, match="cannot load nowhere:Extractor"):
        request_extractor(config(features="nowhere:Extractor"))


def test_features_that_are_named_must_have_the_length_of_the_context() -> None:
    with pytest.raises(ConfigError) as raised:
        request_extractor(config(dim=3, features="chat"))
    assert "'chat' returns 12 features, but context.dim is 3" in raised.value.problems[0]
    assert request_extractor(config(features="chat")).dim == 12
    assert request_extractor(config(dim=3, mismatch="pad", features="chat")).dim == 12


def test_default_features_may_have_another_length_until_they_are_used() -> None:
    other = config(dim=3)
    assert "context.dim is 3" in length_problem(other, request_extractor(other))
    assert length_problem(config(), request_extractor(config())) == ""
