"""What each user may do in the store, tried on a store under the real rules."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest
import redis

from pointsman.cli.stack.server_programs import find_store_server
from pointsman.contracts.access.redis_acl import REDIS_ROLES
from pointsman.contracts.access.roles import Role
from pointsman.contracts.config.connections import RedisConfig
from pointsman.core.bandit import Arm, ArmState
from pointsman.learning.reset import FENCE_TIER
from pointsman.learning.tier_store import Commit, TierStore
from pointsman.runtime.store.errors import StoreUnavailable
from pointsman.runtime.store.store import Store
from pointsman_gateway.chat.outcome.response_store import AMBIGUOUS, ResponseStore, StoredResponse
from pointsman_gateway.chat.request.session_store import SessionStore, StoredSession
from tests.support.guarded_servers import GuardedServers
from tests.support.processes import StoreServer

pytestmark = pytest.mark.integration

FORBIDDEN = ("FLUSHALL", "CONFIG SET maxmemory 1", "KEYS *", "ACL LIST", "SHUTDOWN NOSAVE", "MONITOR")
WRITTEN_BY: dict[str, set[Role]] = {
    "HSET tier:{T} watermark 7": {"reward-updater", "operator"},
    "HSET arm:{T}:p:m n 7": {"reward-updater", "operator"},
    "SETBIT applied:{T}:0 1 1": {"reward-updater"},
    "HSET outcome:{T}:0 1 x": {"reward-updater", "operator"},
    "HINCRBYFLOAT shadow:{T}:p:1 decisions 1": {"shadow-evaluator"},
    "SET lease:{T} me": {"reward-updater"},
    "SET lease:{T}:shadow-evaluator me": {"shadow-evaluator"},
    "DEL tier:{T}": {"operator"},
    "DEL arm:{T}:p:m": {"operator"},
    "DEL shadow:{T}:p:1": {"operator"},
    "EXPIRE tier:{T} 1": {"reward-updater"},
    "EXPIRE arm:{T}:p:m 1": {"reward-updater"},
    "SET session:{T}:d p:m EX 9": {"gateway"},
    "GET session:{T}:d": {"gateway"},
    "DEL session:{T}:d": set(),
    "SET other 1": set(),
    "GET lease:{T}": {"reward-updater", "operator"},
    "HGETALL tier:{T}": {"gateway", "decision", "reward-updater", "shadow-evaluator", "operator"},
    "HGETALL shadow:{T}:p:1": {"gateway", "shadow-evaluator", "operator"},
    "HDEL shadow:{T}:@progress x": {"shadow-evaluator"},
    "UNLINK shadow:{T}:p:picks:1": {"shadow-evaluator"},
    "UNLINK tier:{T}": set(),
    "EVAL return(1) 0": set(),
    **{command: set() for command in FORBIDDEN},
}
"""Who may do what in the store; the ones who may not are tried."""


@pytest.mark.parametrize("role", REDIS_ROLES)
def test_what_is_anothers_to_do_in_the_store_is_refused(role: Role, guarded: GuardedServers) -> None:
    with guarded.redis_as(role) as client:
        for command, allowed in WRITTEN_BY.items():
            if role not in allowed:
                with pytest.raises(redis.exceptions.NoPermissionError):
                    client.execute_command(*command.split())


@pytest.mark.parametrize("role", ["decision", "gateway", "shadow-evaluator"])
def test_a_script_of_ones_own_is_no_way_around(role: Role, guarded: GuardedServers) -> None:
    with guarded.redis_as(role) as client:
        named: Any = client.script_load("return redis.call('HSET', KEYS[1], 'n', '7')")
        hidden: Any = client.script_load("return redis.call('HSET', 'arm:{T}:p:m', 'n', '7')")
        for call in ("EVALSHA", "EVALSHA_RO"):
            with pytest.raises(redis.exceptions.ResponseError):
                client.execute_command(call, named, 1, "arm:{T}:p:m")
            with pytest.raises(redis.exceptions.ResponseError):
                client.execute_command(call, hidden, 0)
    with guarded.redis_as("operator") as operator:
        assert operator.exists("arm:{T}:p:m") == 0


async def test_a_gateway_writes_down_which_arm_a_conversation_had(guarded: GuardedServers) -> None:
    store = Store(guarded.store_as("gateway"))
    sessions = SessionStore(store)
    await sessions.remember([StoredSession("T", "d", Arm("p", "m:1"))], 9)
    assert await sessions.previous_turn("T", "d") == ("T", Arm("p", "m:1"))
    assert await sessions.previous_turn("T", "other") is None
    await store.close()


async def test_a_gateway_writes_down_which_decision_was_behind_an_answer(guarded: GuardedServers) -> None:
    store = Store(guarded.store_as("gateway"))
    responses = ResponseStore(store)
    await responses.remember([StoredResponse("chatcmpl-1", "T.1.a", 9), StoredResponse("chatcmpl-2", "T.2.b", 9)])
    await responses.remember([StoredResponse("chatcmpl-2", "T.3.c", 9)])
    assert await responses.decision("chatcmpl-1") == "T.1.a"
    assert await responses.decision("chatcmpl-2") == AMBIGUOUS
    await store.close()


async def test_a_refusal_of_the_store_raises_store_unavailable(guarded: GuardedServers) -> None:
    store = Store(guarded.store_as("decision"))
    with pytest.raises(StoreUnavailable, match="permission"):
        await store.run(FENCE_TIER, ["tier:{T}"], ["resetting"])
    await store.close()


STORES = {"valkey": find_store_server(), "redis": shutil.which("redis-server")}


@pytest.mark.parametrize("program", [Path(found) for found in STORES.values() if found], ids=lambda found: found.name)
async def test_what_was_committed_under_the_rules_is_there_after_a_restart(program: Path, tmp_path: Path) -> None:
    # A server may check its rules again when it reads its own file, and omit rights that no user has.
    servers = GuardedServers(tmp_path)
    users = ["--aclfile", str(tmp_path / "users.acl"), "--appendonly", "yes"]
    store_server = StoreServer(tmp_path / "store", program, more=users)
    store_server.start()
    login = RedisConfig(
        url=store_server.url, user="reward-updater", password=servers.credentials.redis["reward-updater"]
    )
    arm = Arm("p", "m")
    state = ArmState.fresh(3)
    state.version = 7
    commit = Commit("e", 0, 7, 7, {}, arms={arm: state}, applied=[(1, 7, 0.5)])
    try:
        store = Store(login)
        committed = await TierStore(store, "T").commit(commit)
        await store.close()
        assert committed.applied

        await asyncio.to_thread(store_server.stop)
        await asyncio.to_thread(store_server.start)
        store = Store(login)
        changes = await TierStore(store, "T").changes()
        bits = await TierStore(store, "T").applied_chunk(0)
        await store.close()
        assert (changes.watermark, list(changes.arms)) == (7, [arm])
        assert bits
    finally:
        store_server.stop()


def test_the_default_user_of_the_store_is_off(guarded: GuardedServers) -> None:
    with (
        redis.Redis.from_url(guarded.store.url, protocol=2) as client,
        pytest.raises(redis.exceptions.AuthenticationError, match="Authentication required"),
    ):
        client.ping()
