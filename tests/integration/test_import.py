"""``pointsman import`` over running services: what is learned, that each result counts once, and what is refused."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from pointsman.cli.commands.import_outcomes import command
from pointsman.cli.gateway import GatewayClient, GatewayUnavailable
from pointsman.cli.main import main
from pointsman.contracts.access.key_file import add_key
from pointsman.contracts.access.keys import make_key
from pointsman.contracts.messages import subjects
from pointsman.core.bandit import Arm
from pointsman.learning.audit import audit_tier
from pointsman.learning.tier_store import TierStore
from pointsman.runtime.bus import Bus
from pointsman.runtime.store.store import Store
from pointsman.shadow.sums.store import ShadowStore
from tests.support.gateway_calls import decide, report
from tests.support.loop_calls import CONTEXT, applied_through, stored_bytes
from tests.support.processes import ServiceProcess
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

GOOD, BAD = "p:good", "p:bad/1.5:free"
TIERS = ("JSONL", "CSV", "PARQUET", "ONCE", "PARTS", "TEXTS", "TABLE", "SHADOWED", "REFUSED")
ROWS = 130

CONFIG_TOML = """
[context]
dim = {dim}

[reward]
lambda_cost = 0.0
mu_latency = 0.0

[policy]
name = "even"
algorithm = "uniform"

[[shadow]]
name = "greedy"
algorithm = "epsilon-greedy"
epsilon = 0.0

[[shadow]]
name = "on-its-own"
algorithm = "static:{good}"
"""


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    file = tmp_path_factory.mktemp("keys") / "keys"
    made = {}
    for name, scopes in {
        "all": ["decide", "report", "read", "admin"],
        "reporter": ["decide", "report", "read"],
    }.items():
        made[name], stored = make_key(name, scopes)  # type: ignore[arg-type]  # scopes are literals
        add_key(file, stored)
    return file, made


@pytest.fixture(scope="module")
def config_toml(keys: tuple[Path, dict[str, str]]) -> str:
    tiers = "".join(f'[[tier]]\nname = "{tier}"\narms = ["{GOOD}", "{BAD}"]\n' for tier in TIERS)
    return CONFIG_TOML.format(dim=12, good=GOOD) + tiers + f'[gateway]\nkeys_file = "{keys[0]}"\n'


@pytest.fixture(scope="module")
def client(services: dict[str, ServiceProcess], keys: tuple[Path, dict[str, str]]) -> Iterator[httpx.Client]:
    headers = {"x-api-key": keys[1]["all"]}
    with httpx.Client(base_url=services["gateway"].url, timeout=20.0, headers=headers) as connected:
        yield connected


@pytest.fixture(autouse=True)
def addresses(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], client: httpx.Client) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("POINTSMAN_API_KEY", client.headers["x-api-key"])


async def run_import(client: httpx.Client, file: Path, tier: str, *options: str) -> int:
    arguments = ["import", str(file), "--tier", tier, "--url", str(client.base_url), *options]
    return await asyncio.to_thread(main, arguments)


async def learned(bus: Bus, store: Store, tier: str) -> dict[Arm, tuple[bytes | str, ...]]:
    """Return A, b and n of each arm, to the byte, when the whole log of the tier was learned from."""
    last = await bus.last(subjects.OUTCOMES, subjects.outcomes(tier))
    if last is not None:
        await applied_through(store, tier, last.sequence)
    arms = await stored_bytes(store, tier)
    return {arm: (fields["A"], fields["b"], fields["n"]) for arm, fields in arms.items()}


def records(count: int = ROWS) -> list[dict[str, Any]]:
    """Return results as an evaluation has them: of both models, with a context, qualities from 0 to 1."""
    return [
        {
            "context": [1.0, *([at % 7 / 7] * 11)],
            "arm": (GOOD, BAD)[at % 2],
            "quality": (0.9, 0.4)[at % 2] + at % 5 / 50,
            "cost_usd": (0.002, 0.001)[at % 2],
            "latency_ms": 300 + at,
            "note": "ignored",
        }
        for at in range(count)
    ]


def write_lines(file: Path, rows: Sequence[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def write_csv(file: Path, rows: Sequence[dict[str, Any]]) -> Path:
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, rows[0])
        writer.writeheader()
        flat = [{k: json.dumps(v) if isinstance(v, list) else v for k, v in row.items()} for row in rows]
        writer.writerows(flat)
    return file


def write_parquet(file: Path, rows: Sequence[dict[str, Any]]) -> Path:
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows)), file)
    return file


async def test_each_format_teaches_the_same_and_the_audit_is_clean(
    client: httpx.Client, bus: Bus, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for tier, write in (("JSONL", write_lines), ("CSV", write_csv), ("PARQUET", write_parquet)):
        file = write(tmp_path / f"results.{tier.lower()}", records())
        assert await run_import(client, file, tier, "--quality-max", "1") == 0
        assert f"{ROWS} results of 2 arms are learned from in tier {tier}" in capsys.readouterr().out

    found = [await learned(bus, store, tier) for tier in ("JSONL", "CSV", "PARQUET")]
    assert found[0] == found[1] == found[2]

    state = (await TierStore(store, "JSONL").changes()).arms[Arm.parse(GOOD)]
    contexts = np.array([record["context"] for record in records()[::2]])
    qualities = np.array([record["quality"] for record in records()[::2]])
    assert state.n == len(contexts) == ROWS // 2
    np.testing.assert_allclose(state.A, np.eye(12) + contexts.T @ contexts, rtol=1e-12)
    np.testing.assert_allclose(state.b, contexts.T @ qualities, rtol=1e-12)
    assert state.mean_cost_usd == pytest.approx(0.002)

    for tier in ("JSONL", "CSV", "PARQUET"):
        assert (await audit_tier(bus, store, tier)).difference == ""
        assert await asyncio.to_thread(main, ["audit", "--tier", tier]) == 0
        assert f"{tier}: identical" in capsys.readouterr().out


async def test_a_repeated_import_changes_nothing(
    client: httpx.Client, bus: Bus, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_lines(tmp_path / "results.jsonl", records())
    assert await run_import(client, file, "ONCE", "--quality-max", "1") == 0
    before = await learned(bus, store, "ONCE")

    renamed = write_lines(tmp_path / "the-same-content.jsonl", records())
    assert await run_import(client, renamed, "ONCE", "--quality-max", "1") == 0
    last = await bus.last(subjects.OUTCOMES, subjects.outcomes("ONCE"))
    assert last is not None
    await bus.append(last.subject, last.data)  # as after the log's window for duplicates
    assert await learned(bus, store, "ONCE") == before
    assert (await audit_tier(bus, store, "ONCE")).difference == ""


async def test_an_interrupted_import_that_is_repeated_equals_one_run(
    client: httpx.Client,
    bus: Bus,
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(command, "ROWS_AT_ONCE", 20)
    whole, sent = GatewayClient.post, 0

    async def post(self: Any, path: str, body: Any) -> Any:
        nonlocal sent
        sent += not body["dry_run"]
        if sent == 4:
            raise GatewayUnavailable("connection lost")
        return await whole(self, path, body)

    file = write_lines(tmp_path / "results.jsonl", records())
    with monkeypatch.context() as cut:
        cut.setattr(GatewayClient, "post", post)
        assert await run_import(client, file, "PARTS", "--quality-max", "1") == 1
    assert (
        "connection lost; results that were sent count once, so the import can be repeated" in capsys.readouterr().err
    )
    part = await learned(bus, store, "PARTS")
    assert sum(int(n) for *_, n in part.values()) == 60

    assert await run_import(client, file, "PARTS", "--quality-max", "1") == 0
    once = write_lines(tmp_path / "results-again.jsonl", records())
    assert await run_import(client, once, "ONCE", "--quality-max", "1") == 0
    assert await learned(bus, store, "PARTS") == await learned(bus, store, "ONCE")


async def test_a_table_with_a_column_per_model_and_texts_teaches_as_their_contexts_do(
    client: httpx.Client, bus: Bus, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = [
        {
            "sample_id": at,
            "prompt": f"Write {at} lines about trains, then explain them.",
            "good-1": at % 2,
            "bad 1.5": at % 3 / 2,
            "good-1|total_cost": 0.002,
            "bad 1.5|total_cost": 0.001,
        }
        for at in range(12)
    ]
    file = write_csv(tmp_path / "routerbench.csv", table)
    names = ["--arm", f"good-1={GOOD}", "--arm", f"bad 1.5={BAD}", "--quality-max", "1"]
    assert await run_import(client, file, "TABLE", "--dry-run", *names) == 0
    shown = capsys.readouterr().out
    assert "24 results of 2 arms would be learned from" in shown
    assert "contexts are computed from the texts by chat" in shown
    assert await learned(bus, store, "TABLE") == {}

    assert await run_import(client, file, "TABLE", *names) == 0
    nested = [
        {
            "messages": [{"role": "user", "content": row["prompt"]}],
            "arms": {
                GOOD: {"quality": row["good-1"], "cost_usd": 0.002},
                BAD: {"quality": row["bad 1.5"], "cost_usd": 0.001},
            },
        }
        for row in table
    ]
    lines = write_lines(tmp_path / "evaluation.jsonl", nested)
    assert await run_import(client, lines, "TEXTS", "--quality-max", "1") == 0
    found = await learned(bus, store, "TABLE")
    assert {str(arm): n for arm, (_, _, n) in found.items()} == {GOOD: "12", BAD: "12"}
    assert await learned(bus, store, "TEXTS") == found


async def test_a_shadow_report_is_about_decisions_only(
    client: httpx.Client, bus: Bus, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tier, context = "SHADOWED", [*CONTEXT, *([0.0] * 9)]
    for at in range(40):
        decision = await asyncio.to_thread(decide, client, tier=tier, context=context)
        assert not decision["degraded"]
        measured = {"quality": 50 + at, "cost_usd": 0.001 + at / 1e5}
        accepted = await asyncio.to_thread(report, client, decision["decision_id"], **measured)
        assert accepted.status_code == 202

    def shown(path: str) -> dict[str, Any]:
        return dict(client.get(path, params={"tier": tier}).json())

    def policies() -> list[dict[str, Any]]:
        return list(shown("/v1/shadow/report")["policies"])

    async def joined(count: int) -> None:
        async def reached() -> bool:
            return all(policy["rewarded"] == count for policy in policies())

        await eventually(reached, f"{count} rewards are joined")

    await joined(40)
    before = policies()
    file = write_lines(tmp_path / "results.jsonl", records())
    assert await run_import(client, file, tier, "--quality-max", "1") == 0
    await learned(bus, store, tier)
    last = await bus.last(subjects.REWARDS, subjects.rewards(tier))
    assert last is not None

    async def read() -> bool:
        stored = await bus.last(subjects.REWARDS, subjects.rewards(tier))
        progress = await ShadowStore(store, tier).progress()
        return stored is not None and progress.rewards_at >= stored.sequence

    await eventually(read, "the evaluator has read the rewards of the import")
    assert policies() == before
    arms = shown("/v1/arms")["arms"]
    assert sum(arm["n"] for arm in arms) == 40 + ROWS
    assert sum(arm["recent"]["rewarded"] for arm in arms) == 40


async def refused(
    client: httpx.Client, bus: Bus, capsys: pytest.CaptureFixture[str], file: Path, *options: str, tier: str = "REFUSED"
) -> str:
    """Import a file that is refused; return the error, after a check that the log is as it was."""
    before = (await bus.info(subjects.OUTCOMES)).state.last_seq
    assert await run_import(client, file, tier, *options) in (1, 2)
    assert (await bus.info(subjects.OUTCOMES)).state.last_seq == before
    return capsys.readouterr().err


@pytest.mark.parametrize("place", [0, 7, ROWS - 1], ids=["first", "middle", "last part"])
@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"context": [1.0, 2.0]}, "context: "),
        ({"context": [1.0, "x", *([0.0] * 10)]}, "context[1]: "),
        ({"quality": 1.2}, "quality: expected at most 1"),
        ({"quality": "good"}, "quality: expected a number"),
        ({"cost_usd": -0.1}, "cost_usd: expected a finite number of at least 0"),
        ({"latency_ms": 1e300}, "latency_ms: "),
        ({"propensity": 1.5}, "propensity: "),
        ({"arm": "p:other"}, "'p:other' is not an arm of tier REFUSED"),
        ({"arm": "p"}, "arm 'p': expected provider:model"),
        ({"reward": 50}, "expected quality, cost_usd or latency_ms, or else reward"),
        ({"prompt": "both"}, "expected one of the columns prompt, messages, context"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
async def test_a_wrong_row_is_named_with_its_field_and_nothing_is_learned(
    client: httpx.Client,
    bus: Bus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    place: int,
    wrong: dict[str, Any],
    named: str,
) -> None:
    monkeypatch.setattr(command, "ROWS_AT_ONCE", 50)
    rows = records()
    rows[place] |= wrong
    error = await refused(client, bus, capsys, write_lines(tmp_path / "r.jsonl", rows), "--quality-max", "1")
    assert error.startswith(f"pointsman import: {tmp_path / 'r.jsonl'}: line {place + 1}") and named in error, error


async def test_what_the_options_lack_is_named(
    client: httpx.Client, bus: Bus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_lines(tmp_path / "results.jsonl", records())
    error = await refused(client, bus, capsys, file)
    assert "--quality-max is required: 1 or 100; the best quality in the file is 0.98" in error
    assert "'NONE'" in await refused(client, bus, capsys, file, "--quality-max", "1", tier="NONE")
    assert "COLUMN=provider:model" in await refused(client, bus, capsys, file, "--arm", "good")
    assert "no results" in await refused(client, bus, capsys, write_lines(tmp_path / "empty.jsonl", []))
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 and then nothing")
    assert str(broken) in await refused(client, bus, capsys, broken)


async def test_a_key_without_the_scope_admin_is_refused(
    client: httpx.Client,
    bus: Bus,
    tmp_path: Path,
    keys: tuple[Path, dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("POINTSMAN_API_KEY", keys[1]["reporter"])
    file = write_lines(tmp_path / "results.jsonl", records())
    error = await refused(client, bus, capsys, file, "--quality-max", "1")
    assert "403" in error and "admin" in error and "nothing was learned" in error


async def test_an_imported_result_is_no_decision(client: httpx.Client, bus: Bus, store: Store, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "results.jsonl", records())
    assert await run_import(client, file, "ONCE", "--quality-max", "1") == 0
    await learned(bus, store, "ONCE")
    last = await bus.last(subjects.OUTCOMES, subjects.outcomes("ONCE"))
    assert last is not None
    imported = json.loads(last.data)["decision_id"]
    for answer in (
        await asyncio.to_thread(client.get, f"/v1/decisions/{imported}"),
        await asyncio.to_thread(report, client, imported, quality=50),
    ):
        assert answer.status_code == 404
        assert answer.json()["errors"] == [
            {"field": "decision_id", "detail": "this is an imported result, for which no decision was made"}
        ]
