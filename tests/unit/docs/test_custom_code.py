"""The classes shown in docs/how-to/custom-code.md load by name and do what the page describes."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from docs import DOCS
from pointsman.bandit import Estimates
from pointsman.core.bandit import Arm, make_policy
from pointsman.core.features import make_extractor
from pointsman.features import RequestView
from pointsman.llm.grading.checked import make_grader

PAGE = (DOCS / "how-to" / "custom-code.md").read_text(encoding="utf-8")
MODULES = {
    name: code
    for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    for name in re.findall(r"# (\w+)\.py", code)
}


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, code in MODULES.items():
        (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)


def test_page_shows_a_policy_a_scorer_and_an_extractor() -> None:
    assert MODULES.keys() == {"frugal", "my_scorers", "ours"}


@pytest.mark.usefixtures("modules")
def test_policy_of_the_page_serves_the_cheapest_of_the_nearly_best() -> None:
    policy = make_policy("frugal:Frugal", {"slack": 0.1, "epsilon": 0.2})
    estimates = Estimates(
        mean=np.array([[0.80, 0.75, 0.10]]),
        width=np.ones((1, 3)),
        pulls=np.array([9, 9, 9]),
        cost_usd=np.array([0.02, 0.001, 0.0]),
        arms=(Arm("p", "dear"), Arm("p", "cheap"), Arm("p", "bad")),
    )
    assert policy.probabilities(estimates)[0] == pytest.approx([0.2 / 3, 0.8 + 0.2 / 3, 0.2 / 3])


@pytest.mark.usefixtures("modules")
def test_scorer_of_the_page_is_accepted() -> None:
    assert make_grader("my_scorers:Short", {"characters": 800})


@pytest.mark.usefixtures("modules")
def test_extractor_of_the_page_makes_a_context_of_its_length() -> None:
    extractor = make_extractor("ours:Ours", dim=4)
    view = RequestView(dialect="openai", text_bytes=16_000, stream=True)
    assert extractor.extract(view) == [1.0, 0.5, 0.0, 1.0]


def test_command_works_in_a_folder_that_has_a_package_named_services(tmp_path: Path) -> None:
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "__init__.py").touch()
    pointsman = Path(sys.executable).parent / "pointsman"
    done = subprocess.run(
        [pointsman, "--version"], cwd=tmp_path, env=os.environ | {"PYTHONPATH": "."}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize(
    ("module", "names"),
    [
        (
            "bandit",
            "ALGORITHMS Arm ArmError ArmStack ArmState BanditError Cheapest ContextError DistributionError Draw "
            "EpsilonGreedy Estimates FloatArray Learner LinUCB Mismatch Policy PolicyError Ranges Reward RewardRule "
            "Selection Softmax Static Thompson Uniform conform first_best greedy make_policy sample sample_rows",
        ),
        (
            "features",
            "CHAT CHAT_FEATURES_VERSION CHAT_NAMES EMBEDDING FEATURES_VERSION NAMES TIER_WEIGHTS CheckedExtractor "
            "ExtractionFailed Extractor ExtractorNotUsable FeaturesError RequestView TierBound TierScore chat_features "
            "make_extractor prompt_features view_request",
        ),
        (
            "scoring",
            "BadScore CheckedScorer DefaultScorer Score ScoredRequest Scorer ScorerNotUsable ScoringError make_scorer "
            "Attempt Completion",
        ),
        ("off_policy", "predicted_variance"),
    ],
)
def test_public_modules_have_the_names_that_custom_code_imports(module: str, names: str) -> None:
    public = importlib.import_module(f"pointsman.{module}")
    assert [name for name in names.split() if not hasattr(public, name)] == []
