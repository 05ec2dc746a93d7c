"""A real Prometheus, with our rules, scrapes the real stack: two decision replicas among it."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.fixtures import RELAXED_TIMEOUTS, StartService
from tests.support.processes import ChildProcess, ServiceProcess, free_port, http_status
from tests.support.repository import ROOT
from tests.support.waiting import wait_until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed (apt: prometheus)"),
]

DEPLOY = ROOT / "deploy"
JOBS = {"gateway": 1, "decision": 2, "reward-updater": 1, "shadow-evaluator": 1}


class Prometheus(ChildProcess):
    """Debian's Prometheus with a configuration of ours."""

    def __init__(self, folder: Path, config: str) -> None:
        super().__init__("prometheus", folder)
        self._folder = folder
        self._config = config
        self.url = f"http://127.0.0.1:{free_port()}"

    def start(self) -> None:
        file = self._folder / "prometheus.yml"
        file.write_text(self._config, encoding="utf-8")
        address = self.url.removeprefix("http://")
        options = [
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address={address}",
            "--log.level=warn",
        ]
        self.run(["prometheus", f"--config.file={file}", *options])
        self.wait(lambda: http_status(f"{self.url}/-/ready") == 200, "ready")

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the samples that an expression has now."""
        question = urllib.parse.urlencode({"query": expression})
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/query?{question}", timeout=10.0) as answer:
                found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{expression}: {error.read().decode()}") from None
        return found

    def rules(self) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.url}/api/v1/rules", timeout=10.0) as answer:
            groups = json.load(answer)["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]


@pytest.fixture(scope="module")
def replicas(services: dict[str, ServiceProcess], start_service: StartService) -> dict[str, list[ServiceProcess]]:
    """Everything that is scraped, by job."""
    second = start_service("decision-2", **RELAXED_TIMEOUTS)
    return {
        "gateway": [services["gateway"]],
        "decision": [services["decision"], second],
        "reward-updater": [services["reward_updater"]],
        "shadow-evaluator": [services["shadow_evaluator"]],
    }


@pytest.fixture(scope="module")
def prometheus(
    replicas: dict[str, list[ServiceProcess]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    jobs = "".join(
        f"  - job_name: {job}\n    static_configs:\n      - targets: [{', '.join(_address(s) for s in services)}]\n"
        for job, services in replicas.items()
    )
    rules = DEPLOY / "prometheus" / "alerts.yml"
    config = f"global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [{rules}]\nscrape_configs:\n{jobs}"
    server = Prometheus(tmp_path_factory.mktemp("prometheus"), config)
    server.start()
    yield server
    server.stop()


def _address(service: ServiceProcess) -> str:
    return f'"{service.url.removeprefix("http://")}"'


def test_every_process_is_scraped(prometheus: Prometheus) -> None:
    for job, count in JOBS.items():
        wait_until(lambda j=job, c=count: len(prometheus.query(f'up{{job="{j}"}} == 1')) == c, f"{job} is scraped")  # type: ignore[misc]  # defaults of a lambda


def test_both_decision_replicas_show_what_they_decided(
    prometheus: Prometheus, client: httpx.Client, replicas: dict[str, list[ServiceProcess]]
) -> None:
    decided = 0

    def both() -> bool:
        nonlocal decided
        answer = client.post("/v1/decisions", json={"tier": "SIMPLE", "context": [0.5, 0.25, -0.5]})
        assert answer.status_code == 200 and not answer.json()["degraded"]
        decided += 1
        return len(prometheus.query("sum by (instance) (pointsman_decisions_total) > 0")) == 2

    wait_until(both, "both have decided")
    by_instance = {
        sample["metric"]["instance"] for sample in prometheus.query("sum by (instance) (pointsman_decisions_total)")
    }
    assert by_instance == {service.url.removeprefix("http://") for service in replicas["decision"]}
    wait_until(
        lambda: _value(prometheus, "sum(pointsman_decisions_total)") == decided,
        "what was decided, and no more, is counted",
    )
    assert _value(prometheus, 'sum(pointsman_hop_seconds_count{hop="gateway_decision"})') <= decided


def _value(prometheus: Prometheus, expression: str) -> float:
    found = prometheus.query(expression)
    return float(found[0]["value"][1]) if found else -1.0


def test_rules_are_evaluated_and_silent_while_the_system_is_healthy(prometheus: Prometheus) -> None:
    wait_until(
        lambda: all(rule["lastEvaluation"] > "0002" and rule["health"] == "ok" for rule in prometheus.rules()),
        "evaluated",
    )
    assert [rule["name"] for rule in prometheus.rules() if rule["state"] == "firing"] == []


def test_prometheus_accepts_every_query_of_the_dashboards_and_empty_results_have_a_reason(
    prometheus: Prometheus,
) -> None:
    asked = 0
    for file in sorted((DEPLOY / "grafana" / "dashboards").glob("*.json")):
        for panel in json.loads(file.read_text(encoding="utf-8"))["panels"]:
            queries = [
                target["expr"].replace("$tier", ".*").replace("$__rate_interval", "1m") for target in panel["targets"]
            ]
            found = [prometheus.query(query) for query in queries]
            assert any(found) or panel["fieldConfig"]["defaults"].get("noValue"), (file.stem, panel["title"])
            asked += len(queries)
    assert asked > 50


def test_promtool_accepts_the_metrics(prometheus: Prometheus, replicas: dict[str, list[ServiceProcess]]) -> None:
    for job, services in replicas.items():
        page = httpx.get(f"{services[0].url}/metrics").content
        checked = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, check=False)
        output = (checked.stdout + checked.stderr).decode()
        assert (checked.returncode, output) == (0, ""), (job, output)
