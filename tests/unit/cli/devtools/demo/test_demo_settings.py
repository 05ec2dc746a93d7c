from __future__ import annotations

import json
import re
import shlex

import pytest

from pointsman.cli.devtools.demo.command import CONFIG_FILE
from pointsman.cli.devtools.demo.data import DataMissing, load_prompts
from pointsman.cli.devtools.demo.hints import hints
from pointsman.cli.main import main
from pointsman.contracts.config import load_config
from pointsman.contracts.config.tiers import tier_arms
from pointsman.core.features import NAMES


def test_the_demo_has_a_valid_configuration_with_as_many_features_as_the_prompts_have() -> None:
    config = load_config(CONFIG_FILE, environ={})
    assert config.context.dim == len(NAMES)
    assert len(config.shadow) == 3


def test_the_configured_arms_are_the_models_of_the_prompts() -> None:
    try:
        prompts = load_prompts()
    except DataMissing as error:
        pytest.skip(str(error))
    assert tier_arms(load_config(CONFIG_FILE, environ={}).tier[0]) == prompts.arms
    assert len(prompts) == 3609


def test_the_commands_to_try_are_ready_to_be_pasted() -> None:
    text = hints("http://127.0.0.1:8080", "DEMO", "my data")
    bodies = re.findall(r"'(\{.*\})'", text)
    assert len(json.loads(bodies[0])["context"]) == len(NAMES)
    assert json.loads(bodies[1])["quality"] == 97
    commands = [line.strip() for line in text.splitlines() if "--data-dir" in line]
    assert [shlex.split(command)[-1] for command in commands] == ["my data", "my data"]
    assert "NATS_URL=\"$(cat 'my data/observer.url')\" nats sub 'decisions.>'" in text


@pytest.mark.parametrize(
    "options", [["--limit", "0"], ["--in-flight", "0"], ["--seed", "-1"], ["--port", "70000"]], ids=lambda o: str(o[0])
)
def test_an_option_out_of_range_is_refused_by_name(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", *options]) == 2
    assert options[0] in capsys.readouterr().err


def test_a_subject_that_nats_would_refuse_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for subject in ("a b", "a..b", ".a", "a.", "a.>.b", ""):
        assert main(["tail", subject]) == 2
        assert "not a NATS subject" in capsys.readouterr().err
