"""The documented backup of a running NATS, as the operator, and its restore: what `nats account backup` requests."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any, NamedTuple

import httpx
import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from pointsman.cli.main import main
from pointsman.contracts.access.roles import Role
from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.ids import parse_id
from pointsman.learning.tier_store import TierStore
from pointsman.runtime.bus import Bus
from pointsman.runtime.bus.replication import STREAMS
from pointsman.runtime.store.store import Store
from tests.support.factories import make_outcome
from tests.support.fixtures import RELAXED_TIMEOUTS, StartService, service_environment
from tests.support.gateway_calls import decide, report
from tests.support.guarded_servers import GuardedServers
from tests.support.loop_calls import applied_through
from tests.support.processes import ServiceProcess, http_status
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

TIER = "SIMPLE"
CHUNK_BYTES = 128 * 1024
TIMEOUT_S = 20.0
LARGE_OUTCOMES = 40
"""Of 350 KB that do not compress: 14 MB, more than NATS sends before a chunk is acknowledged (8 MB)."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, config_toml: str, guarded: GuardedServers) -> dict[str, str]:
    """What configures the services, but for who they are."""
    return service_environment(tmp_path_factory, config_toml, guarded.nats.url, guarded.store.url)


@pytest.fixture(scope="module")
def empty_servers(guarded: GuardedServers) -> None:
    """They are this module's own."""


class Backup(NamedTuple):
    """What NATS returned for one stream."""

    config: dict[str, Any]
    state: dict[str, Any]
    chunks: list[bytes]

    @property
    def size(self) -> int:
        return sum(map(len, self.chunks))


async def _back_up(client: Client, stream: str) -> Backup:
    """Request a snapshot and acknowledge each chunk, as NATS' own tool does."""
    chunks: list[bytes] = []
    ended = asyncio.get_running_loop().create_future()

    async def on_chunk(message: Msg) -> None:
        if not message.data:
            ended.set_result(dict(message.headers or {}))
            return
        chunks.append(message.data)
        if message.reply:
            await client.publish(message.reply)

    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox, cb=on_chunk)
    request = {"deliver_subject": inbox, "chunk_size": CHUNK_BYTES, "no_consumers": True}
    begun = await _request(client, f"$JS.API.STREAM.SNAPSHOT.{stream}", request)
    status = await asyncio.wait_for(ended, TIMEOUT_S)
    assert status.get("Status", "204") == "204", status  # 408 without the acknowledgements
    await subscription.unsubscribe()
    return Backup(begun["config"], begun["state"], chunks)


async def _restore(client: Client, stream: str, backup: Backup) -> None:
    request = {"config": backup.config, "state": backup.state}
    begun = await _request(client, f"$JS.API.STREAM.RESTORE.{stream}", request)
    for chunk in backup.chunks:
        answer = await client.request(begun["deliver_subject"], chunk, timeout=TIMEOUT_S)
        assert not answer.data, answer.data
    await _request(client, begun["deliver_subject"], None)


async def _request(client: Client, subject: str, body: dict[str, Any] | None) -> dict[str, Any]:
    payload = b"" if body is None else json.dumps(body).encode()
    answer: dict[str, Any] = json.loads((await client.request(subject, payload, timeout=TIMEOUT_S)).data)
    assert "error" not in answer, answer["error"]
    return answer


async def test_a_backup_that_the_operator_makes_while_everything_runs_restores_what_was_learned(
    guarded: GuardedServers,
    start_service: StartService,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    services = _start(start_service, guarded)
    url = services["gateway"].url
    store = Store(guarded.store_as("reward-updater"))
    gateway_bus = await Bus.connect(guarded.nats_as("gateway"), "test")
    with httpx.Client(base_url=url, timeout=20.0) as client:
        decided = [await asyncio.to_thread(decide, client) for _ in range(5)]
        for decision in decided:
            answer = await asyncio.to_thread(report, client, decision["decision_id"], quality=80)
            assert answer.status_code == 202
    for number in range(LARGE_OUTCOMES):
        outcome = make_outcome(number + 1, tier=TIER, provider="ollama", model="llama3.2", context=[1.0, 0.5, -0.25])
        padding = random.Random(number).randbytes(175_000).hex().encode()
        data = encode(outcome)[:-1] + b',"padding":"' + padding + b'"}'  # readers ignore unknown fields
        last = (await gateway_bus.append(subjects.outcomes(TIER), data)).sequence
    await applied_through(store, TIER, last)
    learned = await TierStore(store, TIER).changes()

    login = guarded.nats_as("operator")
    operator = await nats.connect(login.url, user=login.user, password=login.password, inbox_prefix=b"_INBOX_operator")
    backups = {stream: await _back_up(operator, stream) for stream in STREAMS}
    assert backups["OUTCOMES"].size > 8 * 1024**2
    await gateway_bus.close()

    # The data of NATS is lost; the store is emptied too, which proves that the backup contains everything.
    for name in ("gateway", "decision", "reward_updater"):
        services[name].stop()
    for stream in STREAMS:
        await _request(operator, f"$JS.API.STREAM.DELETE.{stream}", None)
    with guarded.redis_as("operator") as redis:
        redis.delete(*redis.scan_iter("tier:*"), *redis.scan_iter("arm:*"), *redis.scan_iter("applied:*"))
    for stream, backup in backups.items():
        await _restore(operator, stream, backup)
    await operator.close()

    services = _start(start_service, guarded, "-2")
    for name, value in {**environment, **guarded.environment("operator")}.items():
        monkeypatch.setenv(name, value)
    await applied_through(store, TIER, last)
    assert await asyncio.to_thread(main, ["audit"]) == 0
    assert await asyncio.to_thread(main, ["logs"]) == 0
    again = await TierStore(store, TIER).changes()
    assert {arm: state.n for arm, state in again.arms.items()} == {arm: state.n for arm, state in learned.arms.items()}
    assert again.watermark_at_ms == learned.watermark_at_ms
    with httpx.Client(base_url=services["gateway"].url, timeout=20.0) as client:
        # An id from before is known, and no sequence is used again.
        before = await asyncio.to_thread(client.get, f"/v1/decisions/{decided[0]['decision_id']}")
        assert before.status_code == 200
        new = parse_id((await asyncio.to_thread(decide, client))["decision_id"])
        assert (new.sequence or 0) > max(parse_id(decision["decision_id"]).sequence or 0 for decision in decided)
    assert guarded.refusals() == []
    await store.close()


def _start(start_service: StartService, guarded: GuardedServers, suffix: str = "") -> dict[str, ServiceProcess]:
    roles: dict[str, Role] = {"decision": "decision", "reward_updater": "reward-updater"}
    others = {
        name: start_service(name + suffix, wait_for="/healthz", **RELAXED_TIMEOUTS, **guarded.environment(role))
        for name, role in roles.items()
    }
    gateway = start_service(
        "gateway" + suffix, wait_for="/healthz", **RELAXED_TIMEOUTS, **guarded.environment("gateway")
    )
    services = {"gateway": gateway, **others}
    for service in services.values():
        wait_until(lambda: http_status(service.url + "/readyz") == 200, "/readyz")  # noqa: B023  # awaited here
    return services
