"""``pointsman demo`` as a user starts it, on fewer prompts."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pointsman.cli.devtools.demo.data import DataMissing, load_prompts
from pointsman.cli.devtools.demo.hints import EXAMPLE
from pointsman.cli.stack.stack_file import find_stack
from pointsman.core.features import prompt_features
from tests.support.processes import ChildProcess

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

POINTSMAN = str(Path(sys.executable).parent / "pointsman")


@pytest.fixture(scope="module", autouse=True)
def prompts() -> None:
    try:
        load_prompts()
    except DataMissing as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "data"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [POINTSMAN, *arguments], capture_output=True, text=True, timeout=120, check=False, env=environment()
    )


def post(curl: list[str]) -> dict[str, object]:
    """Send the request of a curl command, without curl."""
    _, _, url, _, header, _, body = curl
    request = urllib.request.Request(url, body.encode(), dict([header.split(": ")]))
    with urllib.request.urlopen(request, timeout=10.0) as response:
        answer: dict[str, object] = json.load(response)
    return answer


def environment() -> dict[str, str]:
    """The environment without settings of the tests' user."""
    return {name: value for name, value in os.environ.items() if not name.startswith("POINTSMAN_")}


@pytest.fixture(scope="module")
def once(data_dir: Path) -> subprocess.CompletedProcess[str]:
    """A demo of 300 prompts that has ended."""
    return run("demo", "--once", "--limit", "300", "--port", "0", "--data-dir", str(data_dir))


@pytest.fixture(scope="module")
def serving(
    data_dir: Path, once: subprocess.CompletedProcess[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ChildProcess]:
    """A demo that continues from the first one with 100 prompts, and serves."""
    demo = ChildProcess("demo", tmp_path_factory.mktemp("output"))
    command = [POINTSMAN, "demo", "--keep", "--limit", "100", "--port", "0", "--data-dir", str(data_dir)]
    demo.run(command, environment())
    try:
        demo.wait(lambda: "dashboard, API" in demo.output(), "summary")
        yield demo
    finally:
        demo.stop()


def test_a_demo_routes_every_prompt_and_sums_up(once: subprocess.CompletedProcess[str]) -> None:
    assert once.returncode == 0, once.stdout + once.stderr
    assert "300 real prompts, shuffled with seed 7" in once.stdout
    rows = dict(
        re.findall(r"^ (served by scaled-linucb|uniform choice|oracle \(best reward\))\s+([\d.]+)", once.stdout, re.M)
    )
    served, uniform, oracle = (float(value) for value in rows.values())
    assert uniform < served < oracle
    # Each outcome was learned from exactly once, and the mean of the services is the one that was computed here.
    assert re.search(rf"Learned from 300 outcomes; mean reward counted by the services: {served}\.$", once.stdout, re.M)
    assert re.findall(r"^ +(greedy|cheapest|always-mistral) +300 +[\d.]+%", once.stdout, re.M) == [
        "greedy",
        "cheapest",
        "always-mistral",
    ]
    assert "served by the fallback" not in once.stdout


def test_its_second_part_calls_models_and_learns_without_reports(once: subprocess.CompletedProcess[str]) -> None:
    shown = once.stdout
    headers = dict(re.findall(r"^  x-pointsman-([a-z-]+): (\S+)$", shown, re.M))
    assert headers["tier"] == "COMPLEX"
    assert headers["reason"] in ("policy", "explored")
    assert re.search(r"^  [a-z ]{80,}$", shown, re.M)  # the streamed answer
    assert f"mock:{headers['model']}, reason pinned" in shown
    assert "mock:mini served, reason fallback" in shown
    assert "Thumbs down for the streamed answer: accepted, quality 0." in shown
    rows = re.findall(r"^ (SIMPLE|COMPLEX|SHAKY) +(\S+) +(\d+) +(\d+)", shown, re.M)
    learned = {tier: sum(int(now) - int(before) for of, _, before, now in rows if of == tier) for tier, *_ in rows}
    assert learned["SHAKY"] == 1
    assert learned["SIMPLE"] + learned["COMPLEX"] == 300 + 2  # the prompts, and two turns of a conversation


def test_a_demo_of_once_leaves_nothing_running(once: subprocess.CompletedProcess[str], data_dir: Path) -> None:
    assert find_stack(data_dir) is None


def test_a_demo_that_goes_on_keeps_what_was_learned(serving: ChildProcess) -> None:
    assert "Learned from 400 outcomes" in serving.output()


def test_the_commands_it_prints_work_as_they_are_printed(serving: ChildProcess, tmp_path: Path) -> None:
    text = serving.output().replace("\\\n", " ")
    commands = {
        name: shlex.split(line)
        for name in ("tail", "compare", "curl")
        for line in [next(line for line in text.splitlines() if re.match(rf"\s+(\S*pointsman )?{name} ", line))]
    }
    tail = ChildProcess("tail", tmp_path)
    tail.run([*commands["tail"], "--count", "1"], environment())
    try:
        decided: list[dict[str, object]] = []

        def received() -> bool:
            decided.append(post(commands["curl"]))
            return bool(tail.output())

        tail.wait(received, "a decision")
    finally:
        tail.stop()
    subject, _, event = tail.output().splitlines()[0].partition(" ")
    assert subject == "decisions.DEMO"
    assert json.loads(event)["decision_id"] in {decision["decision_id"] for decision in decided}
    assert {decision["degraded"] for decision in decided} == {False}
    url = next(word for word in commands["curl"] if word.startswith("http"))
    tried = httpx.post(url.replace("decisions", "try"), json={"tier": "DEMO", "prompt": EXAMPLE}).json()
    assert (tried["extractor"], tried["context"]) == ("prompt/1", prompt_features(EXAMPLE))
    report = subprocess.run(commands["compare"], capture_output=True, text=True, check=True)
    assert "always-mistral" in report.stdout


def test_a_second_demo_on_the_same_data_is_refused_while_the_first_runs(serving: ChildProcess, data_dir: Path) -> None:
    second = run("demo", "--once", "--limit", "1", "--port", "0", "--data-dir", str(data_dir))
    assert second.returncode == 2
    assert "running" in second.stderr
    assert serving.running


def test_ctrl_c_stops_everything_cleanly(serving: ChildProcess, data_dir: Path) -> None:
    assert serving.stop(signal.SIGINT) == 0
    assert find_stack(data_dir) is None
    assert serving.output().endswith("stopping\n")
