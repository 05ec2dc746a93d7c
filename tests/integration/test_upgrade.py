"""The store of a version that kept no sums by day and by five minutes, read by this one."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
import redis

from pointsman.runtime.store.store import Store
from pointsman.shadow.periods import DAY_S, HOURS_PER_DAY
from pointsman.shadow.sums import progress
from pointsman.shadow.sums.commit import ShadowCommit
from pointsman.shadow.sums.hour_sums import HourSums
from pointsman.shadow.sums.store import ShadowStore
from tests.support.fixtures import StartService
from tests.support.processes import http_status
from tests.support.repository import ROOT

pytestmark = pytest.mark.integration

RECORDED = ROOT / "tests" / "golden" / "shadow_sums_without_days.json"
DECISIONS = 200
"""In the recorded hour; each has an outcome."""
GREEDY = "greedy@a923cc3f90cb:linucb@0726c38c20a4"
AGES_H = (0, 3, 40, 100)
"""How many hours ago the recorded hour is put."""


@pytest.fixture(scope="module")
def config_toml() -> str:
    return """
[context]
dim = 3

[policy]
algorithm = "linucb"
epsilon = 0.2

[[tier]]
name = "SIMPLE"
arms = ["p:a", "p:b"]

[[shadow]]
name = "greedy"
algorithm = "epsilon-greedy"
epsilon = 0.0
"""


@pytest.fixture(scope="module")
def now_h(store_url: str, empty_servers: None) -> int:
    """The current hour, of the four that the old version has evaluated."""
    now_h = int(time.time() // 3600)
    with redis.Redis.from_url(store_url) as client:
        for name, fields in json.loads(RECORDED.read_text()).items():
            encoded = {field.encode(): value.encode("latin-1") for field, value in fields.items()}
            for age_h in AGES_H if name.endswith(":HOUR") else [0]:
                client.hset(name.replace("HOUR", str(now_h - age_h)), mapping=encoded)
    return now_h


@pytest_asyncio.fixture
async def gateway(start_service: StartService, now_h: int) -> AsyncIterator[httpx.AsyncClient]:
    service = start_service("gateway", wait_for="/healthz")
    service.wait(lambda: http_status(f"{service.url}/v1/policies") == 200, "policies")
    async with httpx.AsyncClient(base_url=service.url, timeout=20.0) as client:
        yield client


async def test_every_hour_of_the_old_version_is_in_the_report(
    gateway: httpx.AsyncClient, store: Store, now_h: int
) -> None:
    sums = ShadowStore(store, "SIMPLE")
    loaded = await sums.progress()
    await sums.begin_days(loaded, now_h * 3600.0)
    assert await sums.days_from() == now_h // HOURS_PER_DAY + 1
    # What this version evaluates today makes a sum of the day that does not contain the hours before.
    added = {(GREEDY, now_h): HourSums({"decisions": 10.0, "agreed": 10.0})}
    committed = await sums.commit(ShadowCommit(progress.WATERMARK, loaded.watermark, loaded.watermark + 1, hours=added))
    assert committed.applied
    expected = len(AGES_H) * DECISIONS
    report = await gateway.get("/v1/shadow/report", params={"window": "7d"})
    (row,) = report.json()["policies"]
    assert (row["policy"], row["decisions"], row["rewarded"]) == ("greedy", expected + 10, expected)
    assert row["reward_delta"]["estimate"] is not None
    day = (await gateway.get("/v1/overview", params={"tier": "SIMPLE", "window": "24h"})).json()
    assert (day["step_s"], day["totals"]["decisions"]) == (3600, 2 * DECISIONS)


async def test_the_first_day_is_stored_once_and_a_new_tier_has_all_days(store: Store, now_h: int) -> None:
    sums = ShadowStore(store, "SIMPLE")
    await sums.begin_days(await sums.progress(), now_h * 3600.0)
    first = await sums.days_from()
    loaded = await sums.progress()
    assert loaded.days_from == first
    await sums.begin_days(loaded, now_h * 3600.0 + 9 * DAY_S)
    assert await sums.days_from() == first
    fresh = ShadowStore(store, "FRESH")
    await fresh.begin_days(await fresh.progress(), now_h * 3600.0)
    assert await fresh.days_from() == 0
    assert (await fresh.progress()).days_from == 0
