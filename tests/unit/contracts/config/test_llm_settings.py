"""Problems of ``[llm]`` are reported by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.contracts.config import ConfigError, load_config

TIER = """
[[tier]]
name = "S"
arms = ["p:m"]
"""


def load(text: str, folder: Path) -> None:
    file = folder / "pointsman.toml"
    file.write_text(text + TIER)
    load_config(file, {})


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ('default_tier = "T"', "llm.default_tier"),
        ('unknown_model = "guess"', "llm.unknown_model"),
        ("session_ttl_s = -1", "llm.session_ttl_s"),
        ("switching_cost = 1.5", "llm.switching_cost"),
        ("switching_cost = nan", "llm.switching_cost"),
        ("max_attempts = 0", "llm.max_attempts"),
        ("max_body_bytes = 0", "llm.max_body_bytes"),
        ("outcome_retry_s = inf", "llm.outcome_retry_s"),
    ],
)
def test_a_setting_out_of_range_is_refused(tmp_path: Path, setting: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        load(f"[llm]\n{setting}\n", tmp_path)


@pytest.mark.parametrize("wait", ["-1.0", "nan", "inf"])
def test_a_wait_for_feedback_must_be_a_time(tmp_path: Path, wait: str) -> None:
    with pytest.raises(ConfigError, match=r"tier\[0\].reward_wait_s"):
        load(f'[[tier]]\nname = "T"\nreward_wait_s = {wait}\n', tmp_path)


def test_settings_in_range_are_taken(tmp_path: Path) -> None:
    load('[llm]\ndefault_tier = "S"\nunknown_model = "auto"\nsession_ttl_s = 0\nswitching_cost = 0.0\n', tmp_path)
