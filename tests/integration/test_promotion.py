"""Promoting a shadow and taking that back, over HTTP and from the command line, with all services running."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import httpx
import pytest

from pointsman.cli.main import main
from pointsman.runtime.bus import Bus
from tests.support.gateway_calls import decide, field_of
from tests.support.processes import StoreServer
from tests.support.promotion_calls import alerts, history, policies, promote, put, revert
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

LIVE = {"name": "live", "algorithm": "linucb", "parameters": {"epsilon": 0.1}}
MINI = {"name": "mini", "algorithm": "static:openai:gpt-4o-mini", "parameters": {"epsilon": 0.1}}
EVEN = {"name": "even", "algorithm": "uniform"}


@pytest.fixture
def before(client: httpx.Client) -> dict[str, Any]:
    """The tier with one policy live and two in shadow."""
    return put(client, active=LIVE, shadows=[MINI, {**EVEN, "sample": 0.5}])


def names(view: dict[str, Any]) -> tuple[str, list[str]]:
    return view["active"]["name"], [spec["name"] for spec in view["shadows"]]


async def test_a_promoted_shadow_decides_and_the_switch_is_on_record(
    client: httpx.Client, before: dict[str, Any], bus: Bus
) -> None:
    answer = promote(client, "even", why="to see all arms", person="ann")
    assert answer.status_code == 200, answer.text
    view = answer.json()
    assert names(view) == ("even", ["mini", "live"])
    assert view["active"].get("sample") is None
    assert view["version"] > before["version"]
    assert view["replaced"] == before["active"]
    assert view["active_since_ms"] >= before["active_since_ms"] > 0
    assert policies(client) == view
    wait_until(lambda: decide(client)["policy_version"] == view["version"], "in force")
    decision = decide(client)
    assert decision["policy"] == "even"
    assert [score["probability"] for score in decision["scores"]] == pytest.approx([1 / 3] * 3)

    change = view["change"]
    assert (change["kind"], change["by"], change["person"], change["why"]) == (
        "promote",
        "anonymous",
        "ann",
        "to see all arms",
    )
    assert (change["policy"], change["replaced"], change["at_ms"]) == ("even", "live", view["active_since_ms"])
    assert (change["evidence"]["policy"], change["evidence"]["tier"]) == ("even", "SIMPLE")
    assert "verdict" in change["evidence"]
    assert "pairs" not in change["evidence"]
    newest, previous = history(client)[:2]
    assert (newest["version"], newest["change"]) == (view["version"], change)
    assert (previous["version"], previous["change"]["kind"]) == (before["version"], "api")
    alert = (await alerts(bus))[-1]
    assert (
        alert.text == "tier SIMPLE: even was promoted by anonymous (ann); live continues as a shadow: to see all arms"
    )
    assert alert.detail == {"version": view["version"], **change}


def test_a_promotion_is_taken_back_once(client: httpx.Client, before: dict[str, Any]) -> None:
    assert promote(client, "mini").status_code == 200
    # a change of the shadows does not make it forget
    assert names(put(client, shadows=[EVEN])) == ("mini", ["even"])
    answer = revert(client, why="worse")
    assert answer.status_code == 200, answer.text
    view = answer.json()
    assert names(view) == ("live", ["mini", "even"])
    assert view["active"] == before["active"]
    assert (view["change"]["kind"], view["change"]["policy"], view["change"]["replaced"]) == ("revert", "live", "mini")
    assert view["change"]["no_evidence"] == "live does not run as a shadow"
    assert [identity.partition("@")[0] for identity in view["reverted"]] == ["mini"]
    wait_until(lambda: decide(client)["policy_version"] == view["version"], "in force")
    again = client.post("/v1/policies/SIMPLE/revert")  # without a body, too
    assert again.status_code == 409
    assert "no promotion to revert" in again.json()["detail"]
    assert policies(client) == view


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 422, "policy"),
        ({"policy": "nope"}, 404, "policy"),
        ({"policy": 3}, 422, "policy"),
        ({"policy": "mini", "version": "7"}, 422, "version"),
        ({"policy": "mini", "version": 1}, 409, "version"),
        ({"policy": "mini", "why": "x" * 1001}, 422, "why"),
        ({"policy": "mini", "person": "x" * 65}, 422, "person"),
        ({"policy": "mini", "person": "a\nb"}, 422, "person"),
        ({"policy": "mini", "forced": True}, 422, "forced"),
        ({"policy": "mini", "force": 1}, 422, "force"),
        ({"policy": "mini", "keep_floor": None}, 422, "keep_floor"),
    ],
)
def test_a_wrong_promotion_names_the_field_and_changes_nothing(
    client: httpx.Client, before: dict[str, Any], body: dict[str, Any], status: int, field: str
) -> None:
    answer = client.post("/v1/policies/SIMPLE/promote", json=body)
    assert (answer.status_code, field_of(answer)) == (status, field)
    assert policies(client) == before


def test_what_cannot_be_switched_is_refused_and_changes_nothing(client: httpx.Client) -> None:
    before = put(client, active=LIVE, shadows=[MINI, {**EVEN, "name": "live"}])
    refused = promote(client, "mini")
    assert refused.status_code == 409
    assert "another shadow has this name" in refused.json()["detail"]
    same = put(client, shadows=[MINI, {**LIVE, "sample": 0.5}])
    refused = promote(client, "live")
    assert refused.status_code == 409
    assert "is the active policy already" in refused.json()["detail"]
    assert promote(client, "mini", tier="NOPE").status_code == 404
    assert client.get("/v1/policies/NOPE/history").status_code == 404
    assert before["version"] < same["version"] == policies(client)["version"]


def test_a_promotion_for_an_older_version_is_refused(client: httpx.Client, before: dict[str, Any]) -> None:
    assert promote(client, "mini", version=before["version"]).status_code == 200
    late = promote(client, "even", version=before["version"])
    assert (late.status_code, field_of(late)) == (409, "version")
    late = revert(client, version=before["version"])
    assert (late.status_code, field_of(late)) == (409, "version")
    assert names(policies(client)) == ("mini", ["live", "even"])
    assert promote(client, "even", version=policies(client)["version"]).status_code == 200


def seen(client: httpx.Client, policy: str) -> int:
    """How many decisions the report has of a shadow."""
    answer = client.get("/v1/shadow/report", params={"tier": "SIMPLE", "policy": policy})
    (row,) = answer.json()["policies"]
    return int(row["decisions"])


def test_after_a_switch_the_figures_are_about_the_policy_that_serves_now(client: httpx.Client, bus: Bus) -> None:
    """Each active policy has parameters that no other test has, so that its sums begin with nothing."""
    first = put(client, active=_linucb("first", 0.31), shadows=[_linucb("second", 0.32), MINI])
    decisions = _switched(client, first["version"], 20)
    wait_until(lambda: seen(client, "mini") == decisions, "all are evaluated")
    second = promote(client, "second").json()
    more = _switched(client, second["version"], 7)
    wait_until(lambda: seen(client, "mini") == more, "those since the switch, and no other")
    assert seen(client, "first") == more
    assert policies(client)["change"]["evidence"]["decisions"] == decisions


def _linucb(name: str, epsilon: float) -> dict[str, Any]:
    return {"name": name, "algorithm": "linucb", "parameters": {"epsilon": epsilon}}


def _switched(client: httpx.Client, version: int, count: int) -> int:
    """Decide until so many decisions were made by a version; return how many were."""
    made = 0
    while made < count:
        made += decide(client)["policy_version"] == version
    return made


async def test_of_several_who_switch_at_once_one_does(client: httpx.Client, before: dict[str, Any]) -> None:
    asked = [asyncio.to_thread(promote, client, name, version=before["version"]) for name in ("mini", "even") * 3]
    statuses = sorted([answer.status_code for answer in await asyncio.gather(*asked)])
    assert statuses == [200, 409, 409, 409, 409, 409]
    assert [version["version"] for version in history(client)][1] == before["version"]


def cli(client: httpx.Client, *arguments: str) -> int:
    return main([*arguments, "--url", str(client.base_url)])


def test_the_command_line_asks_nothing_when_the_verdict_needs_force(
    client: httpx.Client, before: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = io.StringIO("y\ny\n")
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stdin", terminal)
    assert cli(client, "promote", "SIMPLE", "mini") == 1
    shown = capsys.readouterr()
    assert "[y/N]" not in shown.out
    assert "the verdict is 'cannot tell'; to promote mini anyway, use --force" in shown.err
    assert policies(client)["version"] == before["version"]
    assert cli(client, "promote", "SIMPLE", "mini", "--force") == 0
    assert "[y/N]" in capsys.readouterr().out
    assert names(policies(client))[0] == "mini"


def test_the_command_line_promotes_lists_and_takes_back(
    client: httpx.Client, before: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli(client, "promote", "SIMPLE", "mini", "--yes", "--force", "--why", "cheap", "--by", "ann") == 0
    view = policies(client)
    output = capsys.readouterr().out
    assert f"mini serves SIMPLE from version {view['version']} on; live continues as a shadow." in output
    assert (view["change"]["person"], view["change"]["why"]) == ("ann", "cheap")

    assert cli(client, "policies", "--tier", "SIMPLE", "--history", "--json") == 0
    (shown,) = json.loads(capsys.readouterr().out)
    assert shown["versions"] == history(client)
    monkeypatch.setenv("COLUMNS", "300")
    assert cli(client, "policies", "--tier", "SIMPLE", "--history") == 0
    first = next(line for line in capsys.readouterr().out.splitlines() if "ann" in line)
    assert "anonymous (ann)" in first
    assert "promote: live → mini; live, even" in first

    monkeypatch.setattr("sys.stdin", _Terminal("n\ny\n"))
    assert cli(client, "revert", "SIMPLE") == 1
    assert policies(client)["version"] == view["version"]
    assert cli(client, "revert", "SIMPLE", "--why", "complaints") == 0
    output = capsys.readouterr().out
    assert "Make live the active policy of SIMPLE again in place of mini?" in output
    assert "mini was reverted." in output
    assert policies(client)["active"]["name"] == "live"
    assert cli(client, "revert", "SIMPLE", "--yes") == 1
    assert "no promotion to revert" in capsys.readouterr().err


GREEDY = {"name": "greedy", "algorithm": "epsilon-greedy", "parameters": {"epsilon": 0.0}}


def test_a_promotion_that_the_report_does_not_support_must_be_forced(client: httpx.Client) -> None:
    before = put(client, active=_linucb("unjudged", 0.33), shadows=[GREEDY])
    refused = promote(client, "greedy", force=False)
    assert (refused.status_code, field_of(refused)) == (409, "force")
    assert "the verdict of the report is 'cannot tell'" in refused.json()["detail"]
    assert policies(client) == before


def test_a_promoted_policy_keeps_the_evidence_floor_with_exact_propensities(client: httpx.Client) -> None:
    put(client, active=LIVE, shadows=[GREEDY])
    view = promote(client, "greedy").json()
    assert (view["active"]["parameters"], view["warnings"]) == ({"epsilon": 0.02}, [])
    wait_until(lambda: decide(client)["policy_version"] == view["version"], "in force")
    decision = decide(client)
    probabilities = sorted(score["probability"] for score in decision["scores"])
    assert probabilities == pytest.approx([0.02 / 3, 0.02 / 3, 0.98 + 0.02 / 3])
    assert decision["propensity"] in [score["probability"] for score in decision["scores"]]


def test_a_policy_without_exploration_serves_only_by_force_and_with_a_warning(
    client: httpx.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    put(client, active=LIVE, shadows=[GREEDY])
    refused = promote(client, "greedy", keep_floor=False, force=False)
    assert refused.status_code == 409
    assert "greedy would not explore" in refused.json()["detail"]
    view = promote(client, "greedy", keep_floor=False).json()
    assert view["active"]["parameters"] == {"epsilon": 0.0}
    (warning,) = view["warnings"]
    assert "no shadow can be evaluated while it serves" in warning
    assert policies(client)["warnings"] == [warning]
    assert cli(client, "policies", "--tier", "SIMPLE") == 0
    assert f"warning: SIMPLE: {warning}" in capsys.readouterr().out

    assert revert(client).json()["warnings"] == []
    assert put(client, active={"name": "cheap", "algorithm": "cheapest"})["warnings"] != []


def test_the_command_line_wants_force_and_reports_the_floor(
    client: httpx.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    before = put(client, active=LIVE, shadows=[GREEDY])
    assert cli(client, "promote", "SIMPLE", "greedy", "--yes", "--no-floor") == 1
    assert "(on the command line: --force)" in capsys.readouterr().err
    assert policies(client) == before
    assert cli(client, "promote", "SIMPLE", "greedy", "--yes", "--force") == 0
    assert "It explores with epsilon 0.02, the evidence floor of the tier" in capsys.readouterr().out


def test_a_switch_does_not_wait_for_a_store_that_is_gone(
    client: httpx.Client, before: dict[str, Any], store_server: StoreServer
) -> None:
    store_server.stop()
    try:
        promoted = promote(client, "mini").json()
        assert names(promoted) == ("mini", ["live", "even"])
        assert promoted["change"].get("evidence") is None
        assert promoted["change"]["no_evidence"].startswith("the report is unavailable: ")
        assert names(revert(client).json()) == ("live", ["mini", "even"])
    finally:
        store_server.start()
    assert [version["change"]["kind"] for version in history(client)[:2]] == ["revert", "promote"]


class _Terminal(io.StringIO):
    """What a person types."""

    def isatty(self) -> bool:
        return True
