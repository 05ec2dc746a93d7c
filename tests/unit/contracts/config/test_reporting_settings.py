from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.contracts.config import ConfigError, load_config

TIER = '[[tier]]\nname = "S"\narms = ["p:a"]\n'


def problems(tmp_path: Path, toml: str) -> list[str]:
    file = tmp_path / "pointsman.toml"
    file.write_text(TIER + toml, encoding="utf-8")
    try:
        load_config(file, environ={})
    except ConfigError as error:
        return list(error.problems)
    return []


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        ('[report]\nevery = "month"', "report.every: expected week, day or off, got 'month'"),
        ('[report]\nweekday = "Mon"', "report.weekday: expected monday, "),
        ("[report]\nhour = 24", "report.hour: expected 0 to 23, got 24"),
        ("[report]\nconfidence = 1.0", "report.confidence: expected more than 0.5 and less than 1, got 1.0"),
        ("[report]\nconfidence = nan", "report.confidence: expected more than 0.5"),
        ('[regret]\nrule = "sometimes"', "regret.rule: expected confidence, share or off, got 'sometimes'"),
        ("[regret]\nmargin = -1.0", "regret.margin: expected 0 to 100, got -1.0"),
        ("[regret]\nshare_margin = 1.5", "regret.share_margin: expected 0 to 1, got 1.5"),
        ("[regret]\nshare_of_samples = nan", "regret.share_of_samples: expected 0 to 1, got nan"),
        ("[regret]\nmin_samples = 0", "regret.min_samples: expected 1 to 10000, got 0"),
        ("[regret]\nwindow_days = 91", "regret.window_days: expected 1 to 90, got 91"),
        ("[regret]\ncheck_s = 0.5", "regret.check_s: expected 1 to 86400, got 0.5"),
    ],
)
def test_a_setting_out_of_range_is_named(tmp_path: Path, toml: str, problem: str) -> None:
    (found,) = problems(tmp_path, toml)
    assert found.startswith(problem)


def test_settings_in_range_are_fine(tmp_path: Path) -> None:
    toml = '[report]\nevery = "day"\nweekday = "sunday"\nhour = 0\n[regret]\nrule = "share"\ncheck_s = 1.0\n'
    assert problems(tmp_path, toml) == []
