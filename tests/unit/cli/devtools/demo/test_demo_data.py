from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pointsman.cli.devtools.demo import data
from pointsman.cli.devtools.demo.data import DataMissing, Prompts, load_prompts, read_prompts
from pointsman.core.bandit import Arm, RewardRule


def write(file: Path, rows: list[dict[str, object]]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def row(prompt: str, **arms: tuple[float, float]) -> dict[str, object]:
    judged = {f"maker/{name}": {"reward": reward, "cost": cost} for name, (reward, cost) in arms.items()}
    return {"prompt": prompt, "source": "ignored", "arms": judged}


def some_prompts() -> Prompts:
    return Prompts(
        arms=(Arm("maker", "small"), Arm("maker", "large")),
        texts=tuple(f"prompt {i}" for i in range(5)),
        quality=np.array([[50.0, 90.0]] * 5) + np.arange(5)[:, None],
        cost_usd=np.array([[0.001, 0.003]] * 5),
    )


def test_prompts_are_read_with_the_judged_quality_and_the_cost_of_every_model(tmp_path: Path) -> None:
    first = write(tmp_path / "a", [row("one", small=(0.5, 0.001), large=(0.9, 0.01))])
    second = write(tmp_path / "b", [row("two", large=(1.0, 0.02), small=(0.25, 0.002))])
    prompts = read_prompts([first, second])
    assert prompts.arms == (Arm("maker", "small"), Arm("maker", "large"))
    assert prompts.texts == ("one", "two")
    assert prompts.quality.tolist() == [[50.0, 90.0], [25.0, 100.0]]
    assert prompts.cost_usd.tolist() == [[0.001, 0.01], [0.002, 0.02]]


@pytest.mark.parametrize("text", ["", "{}\n", "not json\n", '{"prompt": "a", "arms": {}}\n'])
def test_a_file_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "a"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DataMissing, match="not of the expected form"):
        read_prompts([file])


def test_prompts_with_different_models_are_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "a", [row("one", small=(1.0, 0.1)), row("two", large=(1.0, 0.1))])
    with pytest.raises(DataMissing, match="the same models"):
        read_prompts([file])


def test_without_the_package_the_error_has_the_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "PACKAGE", "no_such_package_here")
    with pytest.raises(DataMissing, match="make demo"):
        load_prompts()


def test_the_order_depends_on_the_seed_only() -> None:
    prompts = some_prompts()
    assert prompts.shuffled(7).texts == prompts.shuffled(7).texts
    assert prompts.shuffled(7).texts != prompts.shuffled(8).texts
    assert sorted(prompts.shuffled(7).texts) == sorted(prompts.texts)


def test_a_shuffled_prompt_keeps_its_own_figures() -> None:
    shuffled = some_prompts().shuffled(7, limit=3)
    assert len(shuffled) == 3
    for text, quality in zip(shuffled.texts, shuffled.quality, strict=True):
        assert quality[0] == 50.0 + int(text.split()[1])


def test_rewards_on_fixed_bounds_are_quality_less_weighted_cost() -> None:
    rule = RewardRule(lambda_cost=0.5, normalizer="fixed", cost_bounds_usd=(0.0, 0.002))
    assert some_prompts().rewards(rule)[0] == pytest.approx([50.0 - 25.0, 90.0 - 50.0])


def test_rewards_on_a_running_range_use_the_range_of_all_costs() -> None:
    rewards = some_prompts().rewards(RewardRule(lambda_cost=0.3))
    assert rewards[0] == pytest.approx([50.0, 60.0])
    assert rewards[4] == pytest.approx([54.0, 64.0])
