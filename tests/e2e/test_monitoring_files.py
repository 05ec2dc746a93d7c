"""Prometheus' and Grafana's files: read by promtool, and every query asks for what there is."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pointsman.runtime.telemetry.metrics_page import all_metrics, label_names, sample_names
from tests.e2e.promql import OTHER_METRICS, metric_of_variable, metrics_of
from tests.support.repository import ROOT

REPOSITORY = ROOT
PROMETHEUS = REPOSITORY / "deploy" / "prometheus"
DASHBOARDS = sorted((REPOSITORY / "deploy" / "grafana" / "dashboards").glob("*.json"))
ALERTS = (PROMETHEUS / "alerts.yml").read_text(encoding="utf-8")
KNOWN = {name for metric in all_metrics() for name in sample_names(metric)} | OTHER_METRICS
ADDED_BY_PROMETHEUS = {"job", "instance", "le", "alertstate", "alertname"}

pytestmark = pytest.mark.e2e

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (apt: prometheus)"
)


def alert_expressions() -> dict[str, str]:
    """The expression of each alert, by its name."""
    return dict(re.findall(r"- alert: (\w+)\n +expr: (.+)\n", ALERTS))


def dashboard(file: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return read


def dashboard_queries() -> list[tuple[str, str]]:
    """Every query of every panel, with where it stands."""
    return [
        (f"{file.stem}: {panel['title']}", target["expr"])
        for file in DASHBOARDS
        for panel in dashboard(file)["panels"]
        for target in panel["targets"]
    ]


def promtool(*arguments: str) -> None:
    done = subprocess.run(["promtool", *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_promtool_accepts_the_configuration_and_the_rules() -> None:
    promtool("check", "config", "--syntax-only", "prometheus.yml")
    promtool("check", "rules", "alerts.yml")


@needs_promtool
def test_each_alert_fires_when_it_should_and_is_silent_when_the_system_is_healthy() -> None:
    promtool("test", "rules", "alerts_test.yml")


def test_each_alert_has_a_test_and_documentation() -> None:
    tested = set(re.findall(r"alertname: (\w+)", (PROMETHEUS / "alerts_test.yml").read_text(encoding="utf-8")))
    documented = set(
        re.findall(r"^### (Pointsman\w+)$", (REPOSITORY / "docs/how-to/operate.md").read_text(encoding="utf-8"), re.M)
    )
    names = set(alert_expressions())
    assert len(names) == ALERTS.count("- alert:")
    assert tested == names == documented


def test_alerts_query_existing_metrics() -> None:
    for name, expression in alert_expressions().items():
        found = metrics_of(expression)
        assert found and found <= KNOWN, (name, found - KNOWN)


def test_panels_query_existing_metrics() -> None:
    queries = dashboard_queries()
    assert len(queries) > 50
    for where, expression in queries:
        found = metrics_of(expression)
        assert found and found <= KNOWN, (where, found - KNOWN)


def test_queries_use_existing_labels() -> None:
    labels = {label for metric in all_metrics() for label in label_names(metric)} | ADDED_BY_PROMETHEUS
    for where, expression in [*dashboard_queries(), *alert_expressions().items()]:
        bare = re.sub(r'"[^"]*"', '""', expression)
        named = set(re.findall(r"(\w+) *(?:=~|!~|!=|=(?!=))", "".join(re.findall(r"\{([^{}]*)\}", bare))))
        for group in re.findall(r"\b(?:by|on|ignoring|without) *\(([^()]*)\)", bare):
            named |= {label.strip() for label in group.split(",")}
        assert named <= labels, (where, named - labels)


def test_dashboards_share_a_data_source() -> None:
    uids = [dashboard(file)["uid"] for file in DASHBOARDS]
    assert [file.stem for file in DASHBOARDS] == ["learning", "overview", "services", "shadow"]
    assert len(set(uids)) == len(uids)
    source = (REPOSITORY / "deploy/grafana/provisioning/datasources/prometheus.yml").read_text(encoding="utf-8")
    assert "uid: prometheus\n" in source
    for file in DASHBOARDS:
        read = dashboard(file)
        for variable in read["templating"]["list"]:
            assert metric_of_variable(variable["query"]["query"]) in KNOWN
        for panel in read["panels"]:
            assert panel["datasource"]["uid"] == "prometheus"
            assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
            letters = [target["refId"] for target in panel["targets"]]
            assert len(set(letters)) == len(letters)


def test_prometheus_scrapes_every_service_at_its_port() -> None:
    compose = (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")
    found = dict(
        re.findall(
            r"names: \[([\w-]+)\], type: A, port: (\d+)", (PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8")
        )
    )
    assert found == {"gateway": "8080", "decision": "9090", "reward-updater": "9090", "shadow-evaluator": "9090"}
    assert all(f"\n  {service}:" in compose for service in found)
    assert 'POINTSMAN_PROBE_PORT: "9090"' in compose
    assert 'POINTSMAN_GATEWAY_PORT: "8080"' in compose


def test_files_mounted_for_monitoring_exist() -> None:
    compose = (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")
    mounted = re.findall(r"- \./(deploy/(?:prometheus|grafana)[\w./-]*):(\S+):ro", compose)
    assert len(mounted) == 5
    assert all((REPOSITORY / source).exists() for source, _ in mounted)
    provider = (REPOSITORY / "deploy/grafana/provisioning/dashboards/pointsman.yml").read_text(encoding="utf-8")
    inside = dict(mounted)["deploy/grafana/dashboards"]
    assert f"path: {inside}}}" in provider
    assert f"HOME_DASHBOARD_PATH: {inside}/overview.json" in compose
