"""The faults, each a coroutine that does its damage to a running cluster and returns when it is over."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial

from redis.exceptions import RedisError

from tests.fault.cluster import LEASE_MS
from tests.fault.proxy import Trap
from tests.fault.run import Fault, Run, repeated
from tests.fault.servers import store_client

DOWN_S = 1.0
SPRINGS_WITHIN_S = 20.0


def is_commit(data: bytes) -> bool:
    """Recognise a commit that learns something, and not one that only moves the time, in what is sent to the store."""
    return all(part in data for part in (b"EVALSHA", b"arm:{", b"applied:{"))


async def kill(name: str, run: Run) -> None:
    """End a process with ``kill -9``; start it again a second later."""
    with contextlib.ExitStack() as noted:
        if name == "gateway":
            noted.enter_context(run.gateway_gone())
        await run.cluster.kill(name)
        await asyncio.sleep(DOWN_S)
        await run.cluster.restart(name)


async def hang_and_kill(name: str, run: Run) -> None:
    """Hang a process, then end it with ``kill -9``: what was sent to it meanwhile never arrives."""
    run.cluster.process(name).pause()
    await asyncio.sleep(DOWN_S)
    await kill(name, run)


async def gone(name: str, run: Run) -> None:
    """End a process for longer than state may be old without being called stale."""
    with run.blind():
        await run.cluster.kill(name)
        await asyncio.sleep(run.hold_s)
    await run.cluster.restart(name)


async def pause(name: str, run: Run) -> None:
    """Hang a process with SIGSTOP, for longer than a lease lasts."""
    with contextlib.ExitStack() as noted:
        if name == "gateway":
            noted.enter_context(run.gateway_gone())
        if name in ("store", "nats", "reward_updater"):
            noted.enter_context(run.blind())
        run.cluster.process(name).pause()
        await asyncio.sleep(run.hold_s)
        run.cluster.process(name).resume()


async def kill_updater_at_commit(after: bool, run: Run) -> None:
    """Kill the reward-updater exactly before a commit reaches the store, or after it and before its reply; thrice."""
    (proxy,) = run.cluster.between("store", ["reward_updater"])
    for _ in range(3):
        trap = Trap(is_commit, swallow=after)
        proxy.set_trap(trap)
        async with asyncio.timeout(SPRINGS_WITHIN_S):
            await trap.sprung.wait()
        await run.cluster.kill("reward_updater")
        trap.release(forward=False)
        await asyncio.sleep(DOWN_S / 2)
        await run.cluster.restart("reward_updater")


async def stalled_holder(run: Run) -> None:
    """Stop the holder of the lease in mid-commit; let another write; then let the old commit through, under load."""
    await _stalled_holder(run, stop_load=False)


async def stalled_holder_in_silence(run: Run) -> None:
    """As `stalled_holder`; nothing else is written when the old commit comes through."""
    await _stalled_holder(run, stop_load=True)


async def _stalled_holder(run: Run, stop_load: bool) -> None:
    cluster = run.cluster
    (proxy,) = cluster.between("store", ["reward_updater"])
    trap = Trap(is_commit)
    proxy.set_trap(trap)
    async with asyncio.timeout(SPRINGS_WITHIN_S):
        await trap.sprung.wait()
    cluster.process("reward_updater").pause()
    await cluster.add("reward_updater-2")
    await asyncio.sleep(LEASE_MS / 1000.0 + 1.5)
    if stop_load:
        await run.load.stop()
        await asyncio.sleep(1.0)
    trap.release(forward=True)
    await asyncio.sleep(0.2)
    cluster.process("reward_updater").resume()
    await asyncio.sleep(1.0)
    await cluster.remove("reward_updater-2")


async def cut(server: str, run: Run) -> None:
    """Reset all connections to a server every half second, and let the clients reconnect."""

    async def once() -> None:
        for proxy in run.cluster.between(server):
            proxy.cut()

    async with repeated(once, 0.5):
        await asyncio.sleep(run.hold_s)


async def unreachable(server: str, run: Run) -> None:
    """Reset all connections to a server, and every new one."""
    with run.blind():
        for proxy in run.cluster.between(server):
            proxy.refuse()
        await asyncio.sleep(run.hold_s)
        run.cluster.heal()


async def stall(server: str, run: Run) -> None:
    """Stop all traffic to and from a server half way through a message, with the connections open."""
    with run.blind():
        for proxy in run.cluster.between(server):
            proxy.stall()
        await asyncio.sleep(run.hold_s)
        run.cluster.heal()


async def stall_briefly(server: str, run: Run) -> None:
    """Stop the traffic for moments too short to be noticed, again and again."""
    for _ in range(3):
        for proxy in run.cluster.between(server):
            proxy.stall()
        await asyncio.sleep(run.hold_s / 4)
        run.cluster.heal()
        await asyncio.sleep(0.3)


async def slow(run: Run) -> None:
    """Make every message to and from both servers take 20 ms longer."""
    for proxy in [*run.cluster.between("nats"), *run.cluster.between("store")]:
        proxy.slow(0.02)
    await asyncio.sleep(run.hold_s)
    run.cluster.heal()


async def flush_scripts(run: Run) -> None:
    """Make the store forget all scripts and drop all clients, five times a second."""
    client = store_client(run.cluster.store.url)

    async def once() -> None:
        with contextlib.suppress(RedisError, OSError):
            await client.script_flush()
            await client.client_kill_filter(_type="normal", skipme=True)

    async with repeated(once, 0.2):
        await asyncio.sleep(run.hold_s)
    await client.aclose()


async def empty_store(run: Run) -> None:
    """Delete every key, twice, the second time while the first is being made good."""
    client = store_client(run.cluster.store.url)
    for _ in range(2):
        await client.flushall()
        await asyncio.sleep(0.3)
    await client.aclose()


ALONE: dict[str, Fault] = {
    **{f"kill -9 {name}": partial(kill, name) for name in ("gateway", "decision", "reward_updater")},
    **{f"kill -9 {name}": partial(kill, name) for name in ("shadow_evaluator", "nats", "store")},
    **{f"hung, then kill -9, {name}": partial(hang_and_kill, name) for name in ("nats", "store")},
    "reward_updater gone": partial(gone, "reward_updater"),
    "killed before a commit": partial(kill_updater_at_commit, False),
    "killed after a commit, before its reply": partial(kill_updater_at_commit, True),
    **{f"SIGSTOP {name}": partial(pause, name) for name in ("gateway", "decision", "reward_updater")},
    **{f"SIGSTOP {name}": partial(pause, name) for name in ("shadow_evaluator", "nats", "store")},
    "stalled lease holder, under load": stalled_holder,
    "stalled lease holder, in silence": stalled_holder_in_silence,
    "NATS connections cut": partial(cut, "nats"),
    "store connections cut": partial(cut, "store"),
    "NATS unreachable": partial(unreachable, "nats"),
    "store unreachable": partial(unreachable, "store"),
    "NATS stalled half way through": partial(stall, "nats"),
    "store stalled half way through": partial(stall, "store"),
    "NATS stalled for moments": partial(stall_briefly, "nats"),
    "slow network": slow,
    "SCRIPT FLUSH and CLIENT KILL": flush_scripts,
    "store emptied": empty_store,
}
"""Every fault that leaves the logs as they are, by name."""
