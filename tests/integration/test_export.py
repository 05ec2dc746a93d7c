"""``pointsman export`` as the NATS user `reader`: what is written, by time and tier, and that it is importable."""

from __future__ import annotations

import asyncio
import csv
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet
import pytest

from pointsman.cli.main import main
from pointsman.cli.stack.logins import READER_FILE, write_urls
from pointsman.contracts.access.roles import Role
from pointsman.contracts.messages import subjects
from pointsman.core.bandit import Arm
from pointsman.runtime.bus import Bus
from pointsman.runtime.store.store import Store
from tests.support.fixtures import RELAXED_TIMEOUTS, StartService, service_environment
from tests.support.gateway_calls import decide, report
from tests.support.guarded_servers import GuardedServers
from tests.support.loop_calls import applied_through, stored_bytes
from tests.support.processes import ServiceProcess, http_status
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

SERVICE_ROLES: dict[str, Role] = {
    "decision": "decision",
    "reward_updater": "reward-updater",
    "shadow_evaluator": "shadow-evaluator",
}
LOGS = ("decisions", "outcomes", "rewards", "shadow")
FIRST, SECOND = 6, 4
"""Decisions of tier EXPORTED before and after the moment that ``--since`` and ``--until`` name."""
FORMATS = ("jsonl", "csv", "parquet")
COPIES = [f"COPY-{ending}" for ending in FORMATS]
OTHER = 3
"""Decisions of tier OTHER, after these."""

CONFIG_TOML = """
[context]
dim = 3

[reward]
normalizer = "fixed"
cost_bounds_usd = [0.0, 0.01]

[policy]
name = "even"
algorithm = "uniform"

[[shadow]]
name = "greedy"
algorithm = "epsilon-greedy"
epsilon = 0.0
""" + "".join(f'[[tier]]\nname = "{tier}"\narms = ["p:one", "p:two"]\n' for tier in ("EXPORTED", "OTHER", *COPIES))


@pytest.fixture(scope="module")
def config_toml() -> str:
    return CONFIG_TOML


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, config_toml: str, guarded: GuardedServers) -> dict[str, str]:
    return service_environment(tmp_path_factory, config_toml, guarded.nats.url, guarded.store.url)


@pytest.fixture(scope="module")
def empty_servers(guarded: GuardedServers) -> None:
    """They are this module's own."""


@pytest.fixture(scope="module")
def services(start_service: StartService, guarded: GuardedServers) -> dict[str, ServiceProcess]:
    gateway = start_service("gateway", wait_for="/healthz", **RELAXED_TIMEOUTS, **guarded.environment("gateway"))
    others = {
        name: start_service(name, wait_for="/healthz", **RELAXED_TIMEOUTS, **guarded.environment(role))
        for name, role in SERVICE_ROLES.items()
    }
    for service in [gateway, *others.values()]:
        service.wait(lambda: http_status(service.url + "/readyz") == 200, "/readyz")  # noqa: B023  # awaited here
    return {"gateway": gateway, **others}


@pytest.fixture(scope="module")
def moment(client: httpx.Client) -> str:
    """The time between the first decisions of the tier and the second ones, when all are learned from."""

    def route(tier: str, count: int) -> None:
        for at in range(count):
            decision = decide(client, tier=tier, context=[1.0, at / 10.0, -0.25])
            assert not decision["degraded"]
            measured: dict[str, Any] = {"quality": 50 + at, "cost_usd": 0.001 * at, "latency_ms": 200.5}
            if at == 1:  # without a quality: it is learned from with the neutral one
                del measured["quality"]
            assert report(client, decision["decision_id"], **measured).status_code == 202

    def finished(tier: str, count: int) -> bool:
        (policy,) = client.get("/v1/shadow/report", params={"tier": tier}).json()["policies"]
        return bool(policy["rewarded"] == count)

    route("EXPORTED", FIRST)
    wait_until(lambda: finished("EXPORTED", FIRST), "the first decisions are learned from")
    between_s = time.time()
    time.sleep(0.01)  # the logs store milliseconds
    route("EXPORTED", SECOND)
    wait_until(lambda: finished("EXPORTED", FIRST + SECOND), "the second decisions are learned from")
    route("OTHER", OTHER)
    wait_until(lambda: finished("OTHER", OTHER), "the decisions of the other tier are learned from")
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(between_s)) + f".{int(between_s * 1000) % 1000:03d}Z"


@pytest.fixture(scope="module")
def reader_url(guarded: GuardedServers, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of NATS with the login of the reader, as the stack writes it."""
    folder = tmp_path_factory.mktemp("urls")
    write_urls(folder, guarded.credentials, guarded.nats.url)
    return (folder / READER_FILE).read_text(encoding="utf-8").strip()


@pytest.fixture
def as_reader(monkeypatch: pytest.MonkeyPatch, reader_url: str, guarded: GuardedServers) -> Iterator[None]:
    """The command has the login of the reader on NATS, and none for the store; it violates no permission."""
    monkeypatch.setenv("POINTSMAN_NATS_URL", reader_url)
    before = guarded.refusals()
    yield
    assert guarded.refusals() == before


def export(log: str, file: Path, *options: str) -> None:
    assert main(["export", log, str(file), *options]) == 0


def lines_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("log", LOGS)
def test_each_log_is_written_as_it_is_in_three_formats(
    log: str, moment: str, as_reader: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for ending in FORMATS:
        export(log, tmp_path / f"log.{ending}", "--tier", "EXPORTED")
        assert f"{FIRST + SECOND} {log} written" in capsys.readouterr().err
    lines = lines_of(tmp_path / "log.jsonl")
    assert len(lines) == FIRST + SECOND
    assert [line["sequence"] for line in lines] == sorted({line["sequence"] for line in lines})
    assert all(re.fullmatch(r"EXPORTED\.\d+\.[0-9a-f]{16}", line["decision_id"]) for line in lines)
    assert all(abs(line["at_ms"] / 1000 - time.time()) < 3600 for line in lines)

    with (tmp_path / "log.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    table = pyarrow.parquet.read_table(tmp_path / "log.parquet").to_pylist()
    for line, row, record in zip(lines, rows, table, strict=True):
        assert (record["sequence"], record["at_ms"]) == (line["sequence"], line["at_ms"])
        for name, value in line.items():
            text = json.dumps(value) if isinstance(value, list | dict | bool) else str(value)
            assert row[name] == text
            assert str(record[name]) == text


def test_every_tier_is_written_without_a_tier(moment: str, as_reader: None, tmp_path: Path) -> None:
    export("decisions", tmp_path / "all.jsonl")
    tiers = [line["tier"] for line in lines_of(tmp_path / "all.jsonl")]
    assert tiers == ["EXPORTED"] * (FIRST + SECOND) + ["OTHER"] * OTHER
    export("decisions", tmp_path / "none.jsonl", "--tier", "NONE")
    assert lines_of(tmp_path / "none.jsonl") == []


def test_a_time_ends_or_begins_the_export(moment: str, as_reader: None, tmp_path: Path) -> None:
    for name, options, count in (
        ("since", ["--since", moment], SECOND),
        ("until", ["--until", moment], FIRST),
        ("both", ["--since", "1h", "--until", moment], FIRST),
        ("past", ["--until", "1h"], 0),
    ):
        export("outcomes", tmp_path / f"{name}.jsonl", "--tier", "EXPORTED", *options)
        assert len(lines_of(tmp_path / f"{name}.jsonl")) == count, name


def test_json_lines_go_to_standard_output(
    moment: str, reader_url: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["export", "rewards", "-", "--tier", "OTHER", "--nats", reader_url]) == 0
    assert len([json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]) == OTHER


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["decisions", "log.xls"], "log.xls: expected a name that ends with .jsonl, .csv or .parquet, got '.xls'"),
        (["decisions", "no/folder/log.csv"], "no/folder/log.csv: No such file or directory"),
        (["decisions", "log.csv", "--since", "yesterday"], "--since: expected a time such as 7d or"),
        (["decisions", "log.csv", "--nats", "nats://127.0.0.1:1"], "the log cannot be read: "),
    ],
)
def test_what_is_wrong_is_named(
    options: list[str],
    named: str,
    as_reader: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export", *options]) in (1, 2)
    assert named in capsys.readouterr().err


async def test_exported_outcomes_teach_another_tier_the_same(
    moment: str,
    client: httpx.Client,
    as_reader: None,
    guarded: GuardedServers,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bus, store = await Bus.connect(guarded.nats_as("operator"), "test"), Store(guarded.store_as("operator"))
    original = await learned(store, "EXPORTED")
    assert {n for *_, n in original.values()} != {"0"}
    for ending in FORMATS:
        file, tier = tmp_path / f"outcomes.{ending}", f"COPY-{ending}"
        await asyncio.to_thread(export, "outcomes", file, "--tier", "EXPORTED")
        command = ["import", str(file), "--tier", tier, "--url", str(client.base_url), "--quality-max", "100"]
        assert await asyncio.to_thread(main, command) == 0, capsys.readouterr().err
        last = await bus.last(subjects.OUTCOMES, subjects.outcomes(tier))
        assert last is not None
        await applied_through(store, tier, last.sequence)
        assert await learned(store, tier) == original
    await bus.close()
    await store.close()


async def learned(store: Store, tier: str) -> dict[Arm, tuple[bytes | str, ...]]:
    """Return A, b and n of each arm, to the byte."""
    return {arm: (f["A"], f["b"], f["n"]) for arm, f in (await stored_bytes(store, tier)).items()}


def test_the_reader_has_no_user_on_the_store(guarded: GuardedServers) -> None:
    assert "reader" not in guarded.credentials.redis
