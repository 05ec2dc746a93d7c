"""Prices, metrics, the scorer, and how long outcomes wait: every mistake is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.contracts.config import ConfigError, load_config
from pointsman.contracts.config.outcomes import MetricConfig

TIER = '[[tier]]\nname = "T"\narms = ["a:m"]\n'


def problems(tmp_path: Path, toml: str) -> list[str]:
    file = tmp_path / "pointsman.toml"
    file.write_text(TIER + toml, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load_config(file, {})
    return raised.value.problems


@pytest.mark.parametrize(
    ("toml", "named"),
    [
        ('[[price]]\nprovider = "a"', "price[0]: expected one of"),
        ('[[price]]\nprovider = "a"\nfree = true\nlike = "openai"', "price[0]: expected one of"),
        (
            '[[price]]\nprovider = "a"\ninput_usd_per_million = 1',
            "price[0].output_usd_per_million: required",
        ),
        (
            '[[price]]\nprovider = "a"\ninput_usd_per_million = -1\noutput_usd_per_million = 1',
            "price[0].input_usd_per_million: expected",
        ),
        ('[[price]]\nprovider = "a"\nfree = true\n[[price]]\nprovider = "a"\nfree = true', "price[1]: 'a' has two"),
        ('[[price]]\nprovider = ""\nfree = true', "price[0].provider"),
        ('[[metric]]\nname = "a b"', "metric[0].name"),
        ('[[metric]]\nname = "a"\nlow = 1\nhigh = 1', "metric[0]: expected different values of low and high"),
        ('[[metric]]\nname = "a"\n[[metric]]\nname = "a"', "metric[1].name: 'a' is used twice"),
        ('[scoring]\nscorer = "mine"', "scoring.scorer: expected"),
        ("[nats]\nfeedback_max_bytes = 0", "nats.feedback_max_bytes"),
        ("[nats]\nfeedback_max_age_days = 0", "nats.feedback_max_age_days"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, toml: str, named: str) -> None:
    assert any(problem.startswith(named) for problem in problems(tmp_path, toml)), problems(tmp_path, toml)


def test_nothing_may_wait_until_it_is_dropped(tmp_path: Path) -> None:
    found = problems(tmp_path, "reward_wait_s = 43201\n[nats]\nfeedback_max_age_days = 1")
    assert found == ["tier[0].reward_wait_s: expected at most half of nats.feedback_max_age_days, 43200 s"]


@pytest.mark.parametrize(("value", "quality"), [(60, 0.0), (0, 100.0), (15, 75.0), (90, 0.0), (-5, 100.0)])
def test_a_metric_is_scaled_to_quality(value: float, quality: float) -> None:
    assert MetricConfig(name="minutes", low=60, high=0).quality(value) == quality
