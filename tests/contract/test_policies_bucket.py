"""The bucket of policies: configured once, changed by one writer at a time, and watched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from pointsman.contracts.config import Config, load_config
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.errors import UnknownVersion
from pointsman.contracts.messages.policies import PolicyChangeRecord, PolicySpec, TierPolicies
from pointsman.contracts.messages.subjects import POLICIES_STREAM
from pointsman.contracts.messages.switch import changed
from pointsman.runtime.bus import Bus, PoliciesUnreadable, WrongSequence, ensure_streams
from pointsman.runtime.bus.policies import (
    configure_policies,
    configured,
    read_history,
    read_policies,
    watch_policies,
    write_policies,
)
from pointsman.runtime.bus.recovery import begin_stream
from pointsman.runtime.bus.streams import POLICIES_HISTORY
from tests.support.processes import NatsServer

TOML = """
[[tier]]
name = "A"
[[tier]]
name = "B"
[tier.policy]
algorithm = "uniform"
[[shadow]]
name = "greedy"
algorithm = "epsilon-greedy"
epsilon = 0.0
tiers = ["A"]
"""
UNIFORM = PolicySpec(name="u", algorithm="uniform")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return _config(tmp_path)


def _config(folder: Path, **environ: str) -> Config:
    file = folder / "pointsman.toml"
    file.write_text(TOML, encoding="utf-8")
    return load_config(file, environ)


@pytest_asyncio.fixture
async def bucket(bus: Bus, config: Config) -> AsyncIterator[Bus]:
    """The connection to a server with an empty bucket."""
    await ensure_streams(bus, config.nats)
    yield bus


async def test_a_tier_that_was_never_configured_has_none(bucket: Bus) -> None:
    assert await read_policies(bucket, "A") is None


async def test_the_configuration_is_put_in_force(bucket: Bus, config: Config) -> None:
    await configure_policies(bucket, config)
    a, b = await read_policies(bucket, "A"), await read_policies(bucket, "B")
    assert a is not None
    assert b is not None
    assert (a[1].active.algorithm, [spec.name for spec in a[1].shadows]) == ("scaled-linucb", ["greedy"])
    assert (b[1].active.algorithm, b[1].shadows) == ("uniform", [])
    assert (a[0], b[0]) == (1, 2)


async def test_services_that_start_together_configure_once(
    nats_server: NatsServer, bucket: Bus, config: Config
) -> None:
    connections = [await Bus.connect(nats_server.url, f"service-{i}") for i in range(4)]
    await asyncio.gather(*(configure_policies(connection, config) for connection in connections))
    assert (await bucket.info("KV_policies")).state.last_seq == 2
    for connection in connections:
        await connection.close()


async def test_a_change_made_at_run_time_outlives_a_restart_and_yields_to_a_new_configuration(
    bucket: Bus, config: Config, tmp_path: Path
) -> None:
    await configure_policies(bucket, config)
    current = await read_policies(bucket, "A")
    assert current is not None
    changed = TierPolicies(active=UNIFORM, configured=current[1].configured, changed_by="api")
    version = await write_policies(bucket, "A", changed, current[0])
    await configure_policies(bucket, config)
    assert await read_policies(bucket, "A") == (version, changed)
    newer = _config(tmp_path, POINTSMAN_POLICY_EPSILON="0.2")
    await configure_policies(bucket, newer)
    found = await read_policies(bucket, "A")
    assert found is not None
    assert found[0] > version
    assert found[1].active.parameters == {"epsilon": 0.2}


async def test_of_two_changes_of_the_same_version_the_second_is_refused(bucket: Bus, config: Config) -> None:
    await configure_policies(bucket, config)
    first = await write_policies(bucket, "A", TierPolicies(active=UNIFORM), 1)
    with pytest.raises(WrongSequence):
        await write_policies(bucket, "A", TierPolicies(active=PolicySpec(name="c", algorithm="cheapest")), 1)
    assert await read_policies(bucket, "A") == (first, TierPolicies(active=UNIFORM))
    assert await write_policies(bucket, "A", configured(config, config.tier[0]), first) > first


async def test_a_watcher_receives_the_current_policies_and_every_change(bucket: Bus, config: Config) -> None:
    await configure_policies(bucket, config)
    changes: asyncio.Queue[tuple[str, int, TierPolicies]] = asyncio.Queue()
    watching = asyncio.create_task(watch_policies(bucket, lambda *change: changes.put_nowait(change)))
    try:
        async with asyncio.timeout(30.0):
            present = [await changes.get(), await changes.get()]
            assert [(tier, version) for tier, version, _ in present] == [("A", 1), ("B", 2)]
            version = await write_policies(bucket, "A", TierPolicies(active=UNIFORM), 1)
            assert await changes.get() == ("A", version, TierPolicies(active=UNIFORM))
            await bucket.append("$KV.policies.A", b"{}")  # what cannot be read is passed over
            version = await write_policies(bucket, "B", TierPolicies(active=UNIFORM), 2)
            assert await changes.get() == ("B", version, TierPolicies(active=UNIFORM))
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_a_watcher_goes_on_when_the_server_is_killed(
    bucket: Bus, config: Config, nats_server: NatsServer
) -> None:
    await configure_policies(bucket, config)
    changes: asyncio.Queue[tuple[str, int, TierPolicies]] = asyncio.Queue()
    watching = asyncio.create_task(watch_policies(bucket, lambda *change: changes.put_nowait(change)))
    try:
        async with asyncio.timeout(60.0):
            await changes.get()
            await changes.get()
            nats_server.kill()
            nats_server.start()
            other = await Bus.connect(nats_server.url, "other")
            version = await write_policies(other, "A", TierPolicies(active=UNIFORM), 1)
            assert await changes.get() == ("A", version, TierPolicies(active=UNIFORM))
            await other.close()
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_a_watcher_continues_in_a_recreated_bucket(bucket: Bus, config: Config) -> None:
    """Its versions begin at 1 again, below those that the watcher has seen."""
    await configure_policies(bucket, config)
    for version in range(2, 12):
        await write_policies(bucket, "B", TierPolicies(active=UNIFORM), version)
    changes: asyncio.Queue[tuple[str, int, TierPolicies]] = asyncio.Queue()
    watching = asyncio.create_task(watch_policies(bucket, lambda *change: changes.put_nowait(change)))
    try:
        async with asyncio.timeout(40.0):
            assert [(await changes.get())[:2], (await changes.get())[:2]] == [("A", 1), ("B", 12)]
            await bucket.nats.jetstream().delete_stream(POLICIES_STREAM)
            await begin_stream(bucket, config.nats, POLICIES_STREAM)
            assert await write_policies(bucket, "A", TierPolicies(active=UNIFORM), 0) == 1
            assert await changes.get() == ("A", 1, TierPolicies(active=UNIFORM))
            assert await write_policies(bucket, "B", TierPolicies(active=UNIFORM), 0) == 2
            assert await changes.get() == ("B", 2, TierPolicies(active=UNIFORM))
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


@pytest.mark.parametrize("payload", [b"", b"{}", b"{", b'{"active":{"name":1}}', b"\xff"])
async def test_a_foreign_value_is_reported_and_replaced(bucket: Bus, config: Config, payload: bytes) -> None:
    await configure_policies(bucket, config)
    await bucket.append("$KV.policies.A", payload)
    with pytest.raises(PoliciesUnreadable, match="tier A") as caught:
        await read_policies(bucket, "A")
    await configure_policies(bucket, config)
    found = await read_policies(bucket, "A")
    assert found is not None
    assert found[0] > caught.value.version
    assert found[1].active == configured(config, config.tier[0]).active


async def test_the_history_of_a_tier_has_every_version_newest_first_and_marks_the_unreadable_ones(
    bucket: Bus, config: Config
) -> None:
    assert await read_history(bucket, "A") == []
    await configure_policies(bucket, config)
    broken = (await bucket.append("$KV.policies.A", b"{}")).sequence
    version = await write_policies(bucket, "A", TierPolicies(active=UNIFORM), broken)
    newest, unread, oldest = await read_history(bucket, "A")
    assert (newest.version, newest.policies) == (version, TierPolicies(active=UNIFORM))
    assert (unread.version, unread.policies) == (broken, None)
    assert "active" in unread.problem
    assert oldest.policies is not None
    assert oldest.policies.change is not None
    assert (oldest.policies.change.kind, oldest.policies.change.policy) == ("configuration", "scaled-linucb")
    assert oldest.at_ms <= unread.at_ms <= newest.at_ms
    assert [revision.version for revision in await read_history(bucket, "B")] == [2]


async def test_the_history_keeps_the_documented_number_of_versions(bucket: Bus) -> None:
    version = 0
    for at in range(POLICIES_HISTORY + 3):
        version = await write_policies(bucket, "A", TierPolicies(active=UNIFORM, changed_at_ms=at), version)
    history = await read_history(bucket, "A")
    assert [revision.version for revision in history] == list(range(version, version - POLICIES_HISTORY, -1))


async def test_a_bucket_that_keeps_less_is_made_to_keep_more_and_loses_nothing(bus: Bus, config: Config) -> None:
    js = bus.nats.jetstream()
    await js.create_key_value(bucket="policies", history=1, max_bytes=1024**2, direct=True)
    await bus.append("$KV.policies.A", encode(TierPolicies(active=UNIFORM)))
    await ensure_streams(bus, config.nats)
    assert await read_policies(bus, "A") == (1, TierPolicies(active=UNIFORM))
    assert await write_policies(bus, "A", TierPolicies(active=UNIFORM, changed_at_ms=1), 1) == 2
    assert [revision.version for revision in await read_history(bus, "A")] == [2, 1]
    kept = (await js.stream_info("KV_policies")).config
    assert (kept.max_msgs_per_subject, kept.allow_direct, kept.allow_rollup_hdrs) == (POLICIES_HISTORY, True, True)


async def test_a_new_configuration_of_the_shadows_leaves_when_the_active_policy_began(
    bucket: Bus, config: Config, tmp_path: Path
) -> None:
    await configure_policies(bucket, config)
    before = await read_policies(bucket, "A")
    assert before is not None
    other = TOML.replace('tiers = ["A"]', 'tiers = ["A", "B"]').replace("epsilon = 0.0", "epsilon = 0.01")
    (tmp_path / "other.toml").write_text(other, encoding="utf-8")
    await configure_policies(bucket, load_config(tmp_path / "other.toml", {}))
    after = await read_policies(bucket, "A")
    assert after is not None
    assert after[0] > before[0]
    assert after[1].shadows != before[1].shadows
    assert after[1].active_since_ms == before[1].active_since_ms > 0


async def test_what_a_newer_pointsman_put_there_stays(bucket: Bus, config: Config) -> None:
    newer = b'{"v":2,"active":{"name":"u","algorithm":"uniform"}}'
    await bucket.append("$KV.policies.A", newer)
    with pytest.raises(UnknownVersion):
        await configure_policies(bucket, config)
    stored = await bucket.last("KV_policies", "$KV.policies.A")
    assert stored is not None
    assert stored.data == newer


async def test_of_two_gateways_with_different_files_the_newer_file_stays_in_force_and_the_other_reports_it(
    bucket: Bus, config: Config, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = _config(tmp_path, POINTSMAN_POLICY_EPSILON="0.2")
    await configure_policies(bucket, config)
    await configure_policies(bucket, other)
    newest = await read_policies(bucket, "A")
    assert newest is not None and newest[1].active.parameters == {"epsilon": 0.2}
    for restarted in (config, other, config, other, config):
        caplog.clear()
        await configure_policies(bucket, restarted)
        assert await read_policies(bucket, "A") == newest
        assert ("newer configuration file" in caplog.text) == (restarted is config)
    assert "pointsman policies --tier A --reset" in caplog.text


async def test_a_file_that_is_not_in_force_because_of_the_api_is_reported_with_both_policies(
    bucket: Bus, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    await configure_policies(bucket, config)
    current = await read_policies(bucket, "A")
    assert current is not None
    record = PolicyChangeRecord(at_ms=1, kind="api", by="ops")
    after = changed(current[1], msgspec.structs.replace(current[1], active=UNIFORM), record)
    await write_policies(bucket, "A", after, current[0])
    await configure_policies(bucket, config)
    assert "policy scaled-linucb is not in force: u = uniform is, set through the API by ops" in caplog.text
    assert (await read_policies(bucket, "A") or (0,))[1:] == (after,)
