"""Chat completions: what the gateway adds to calling a model directly, and what LiteLLM's proxy adds."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from benchmarks.llm_upstream import TEXT
from benchmarks.load import Send, Turn, http_senders, take_turn
from benchmarks.servers import ROOT, Process, Servers
from pointsman.cli.stack.ports import LOOPBACK

IN_FLIGHT = (1, 16, 64)
ROUNDS = 3
TURN_S = 1.2
LITELLM = ROOT / ".venv-litellm" / "bin" / "litellm"
"""Where `make bench-litellm` puts it; the variable LITELLM names another. It has an environment of its own, because it
needs other versions of our packages."""

MOCK = "litellm mock_response"
THROUGH = "litellm"

_PATH = "/v1/chat/completions"
_CONFIG = """
[context]
dim = 12

[[tier]]
name = "CHAT"
arms = ["canned:small", "canned:medium", "canned:large"]

[[provider]]
name = "canned"
kind = "openai"
base_url = "http://{host}:{port}/v1"
"""
_LITELLM_CONFIG = """
model_list:
  - model_name: mock
    litellm_params:
      model: openai/mock
      api_key: unused
      mock_response: "{text}"
  - model_name: upstream
    litellm_params:
      model: openai/canned
      api_key: unused
      api_base: http://{host}:{port}/v1
"""
_LITELLM_ENVIRON = {
    "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",  # no key to check, as with the others
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOG": "ERROR",
    "NO_COLOR": "1",
}
_MESSAGES = [
    {"role": "system", "content": "You answer briefly and in plain words. If you do not know something, admit it."},
    {"role": "user", "content": "Why do trains in a single-track section have to wait for each other at a loop? " * 3},
]


class _Contender(NamedTuple):
    """Who answers, in which process, and under which name of a model."""

    name: str
    process: Process
    model: str

    @property
    def url(self) -> str:
        """Where chat completions are asked for."""
        return f"http://{urlsplit(self.process.ready_url).netloc}{_PATH}"


class _Taken(NamedTuple):
    """One turn, and the processor time for each request of it: of the process that is asked, and of all together."""

    turn: Turn
    own_cpu_us: float
    all_cpu_us: float


async def measure(rounds: int = ROUNDS, turn_s: float = TURN_S) -> dict[str, Any]:
    """Measure everyone in turns, whole answers and streams, at every number of requests in flight.

    LiteLLM is measured where it is installed (`make bench-litellm`).
    """
    async with Servers("") as servers:
        contenders = await _start(servers)
        compared = []
        for stream in (False, True):
            for in_flight in IN_FLIGHT:
                taken = await _compare(servers, contenders, stream, in_flight, rounds, turn_s)
                figures = {name: _summary(turns) for name, turns in taken.items()}
                compared.append({"stream": stream, "in_flight": in_flight, **figures, "ratios": _ratios(taken)})
        memory_mb = {each.name: round(each.process.memory_mb(), 1) for each in contenders}
        measured = {"memory_mb": memory_mb, "compared": compared}
        return {"rounds": rounds, "turn_s": turn_s, "litellm": _litellm_version(), **measured}


async def _start(servers: Servers) -> list[_Contender]:
    """Start the upstream, the gateway with what belongs to it, and LiteLLM's proxy where there is one."""
    port = servers.free_port()
    argv = [sys.executable, "-m", "benchmarks.llm_upstream", str(port)]
    upstream = servers.run("upstream", argv, {}, f"http://{LOOPBACK}:{port}/readyz")
    text = _CONFIG.format(host=LOOPBACK, port=port)
    gateway, *others = [servers.start(name, text) for name in ("gateway", "decision", "reward_updater")]
    litellm = _start_litellm(servers, port)
    for process in (upstream, gateway, *others, *([litellm] if litellm else [])):
        await process.ready()
    found = [_Contender("direct", upstream, "canned"), _Contender("pointsman", gateway, "tier/CHAT")]
    if litellm:
        found += [_Contender(MOCK, litellm, "mock"), _Contender(THROUGH, litellm, "upstream")]
    return found


def _litellm_program() -> Path:
    return Path(os.environ.get("LITELLM", LITELLM))


def _start_litellm(servers: Servers, upstream_port: int) -> Process | None:
    program = _litellm_program()
    if not program.exists():
        print(f"LiteLLM is not measured: there is no {program} (make bench-litellm)", file=sys.stderr)
        return None
    file, port = servers.folder / "litellm.yaml", servers.free_port()
    file.write_text(_LITELLM_CONFIG.format(text=TEXT, host=LOOPBACK, port=upstream_port), encoding="utf-8")
    argv = [str(program), "--config", str(file), "--host", LOOPBACK, "--port", str(port), "--num_workers", "1"]
    environ = _LITELLM_ENVIRON | {"PATH": f"{program.parent}:{os.environ.get('PATH', '')}"}
    return servers.run(
        "litellm", [*argv, "--telemetry", "False"], environ, f"http://{LOOPBACK}:{port}/health/liveliness"
    )


def _litellm_version() -> str | None:
    """Return the version of what is measured, from its environment's metadata."""
    environment = _litellm_program().parent.parent
    found = sorted(environment.glob("lib/python*/site-packages/litellm-[0-9]*.dist-info"))
    return found[0].name.removeprefix("litellm-").removesuffix(".dist-info") if found else None


async def _compare(
    servers: Servers, contenders: list[_Contender], stream: bool, in_flight: int, rounds: int, turn_s: float
) -> dict[str, list[_Taken]]:
    taken: dict[str, list[_Taken]] = {each.name: [] for each in contenders}
    for each in contenders:
        await _turn(servers, each, stream, in_flight, turn_s / 4)  # warm: caches, buffers, connections
    for at in range(rounds):
        for each in contenders if at % 2 else reversed(contenders):
            taken[each.name].append(await _turn(servers, each, stream, in_flight, turn_s))
    return taken


async def _turn(servers: Servers, contender: _Contender, stream: bool, in_flight: int, turn_s: float) -> _Taken:
    """Take one turn on connections of its own: servers close what was idle while the others had theirs."""
    connections = await http_senders(contender.url, _body(contender.model, stream), in_flight)
    senders: list[Send] = [each.send for each in connections]
    own_s, all_s = contender.process.cpu_s(), servers.cpu_s()
    turn = await take_turn(senders, turn_s)
    per_us = 1e6 / turn.answered
    own_us, all_us = (contender.process.cpu_s() - own_s) * per_us, (servers.cpu_s() - all_s) * per_us
    for each in connections:
        each.close()
    return _Taken(turn, own_us, all_us)


def _body(model: str, stream: bool) -> bytes:
    return msgspec.json.encode({"model": model, "messages": _MESSAGES, **({"stream": True} if stream else {})})


def _summary(taken: list[_Taken]) -> dict[str, float]:
    return {
        "per_s": round(median(each.turn.per_s for each in taken)),
        "p50_ms": round(median(each.turn.p50_ms for each in taken), 3),
        "p99_ms": round(median(each.turn.p99_ms for each in taken), 3),
        "own_cpu_us": round(median(each.own_cpu_us for each in taken), 1),
        "all_cpu_us": round(median(each.all_cpu_us for each in taken), 1),
        "failed": sum(each.turn.failed for each in taken),
    }


def _ratios(taken: dict[str, list[_Taken]]) -> dict[str, dict[str, float]]:
    """Return how we compare with each of LiteLLM's two, formed round by round; the median of the rounds.

    What it adds is its time less that of the model called directly; with ``mock_response`` no model is called, so that
    all of its time is its own.
    """
    ratios = {}
    for name in (MOCK, THROUGH):
        rounds = list(zip(taken["direct"], taken["pointsman"], taken.get(name, []), strict=False))
        if rounds:
            called = name == THROUGH
            ratios[name] = {
                "throughput": _median(ours.turn.per_s / theirs.turn.per_s for _, ours, theirs in rounds),
                "throughput_per_cpu": _median(theirs.own_cpu_us / ours.own_cpu_us for _, ours, theirs in rounds),
                "added_p50": _median(_added(called, *(each.turn.p50_ms for each in turns)) for turns in rounds),
                "added_p99": _median(_added(called, *(each.turn.p99_ms for each in turns)) for turns in rounds),
            }
    return ratios


def _added(called: bool, direct: float, ours: float, theirs: float) -> float:
    return (ours - direct) / (theirs - direct if called else theirs)


def _median(values: Iterable[float]) -> float:
    return round(median(values), 3)
