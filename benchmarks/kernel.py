"""The decision kernel: from a context to a drawn arm, in memory, against published libraries."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from benchmarks.peers import Contender, contenders, make_data, trained_stack

CASES = ((3, 12), (10, 12), (50, 12), (200, 12), (10, 64))
"""Arms K and features d."""

BATCH = 50
ROUNDS = 15
TURN_S = 0.008
"""How long one contender is timed in one round."""


def measure(rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """Time every contender in every case, in turns, so that what else the machine does hits all alike."""
    return [_case(k, d, rounds) for k, d in CASES]


def _case(k: int, d: int, rounds: int) -> dict[str, Any]:
    entrants = contenders(k, d, BATCH)
    turns = [_calibrated(entrant) for entrant in entrants]
    seconds: list[list[float]] = [[] for _ in entrants]
    for _ in range(rounds):
        for turn, taken in zip(turns, seconds, strict=True):
            taken.append(turn())
    ours = {e.at_once: taken for e, taken in zip(entrants, seconds, strict=True) if e.name == "pointsman"}
    peers = [(e, taken) for e, taken in zip(entrants, seconds, strict=True) if e.name != "pointsman"]
    # A library that has no call for many decisions at once makes them one by one.
    batched = [pair for pair in peers if pair[0].at_once > 1 or not _has_batch(peers, pair[0].name)]
    return {
        "arms": k,
        "features": d,
        "alone": _compared(ours[1], [pair for pair in peers if pair[0].at_once == 1]),
        f"batch_of_{BATCH}": _compared(ours[BATCH], batched),
        "arm_changes": _maintenance(k, d),
    }


def _has_batch(peers: list[tuple[Contender, list[float]]], name: str) -> bool:
    return any(entrant.name == name and entrant.at_once > 1 for entrant, _ in peers)


def _compared(ours: list[float], peers: list[tuple[Contender, list[float]]]) -> dict[str, Any]:
    ratios = {
        entrant.name: round(median(theirs / mine for theirs, mine in zip(taken, ours, strict=True)), 2)
        for entrant, taken in peers
    }
    fastest = min(ratios, key=lambda name: ratios[name])
    return {
        "pointsman_us": _us(ours),
        "peers_us": {entrant.name: _us(taken) for entrant, taken in peers},
        "times_faster_than": ratios,
        "fastest_peer": fastest,
        "times_faster_than_fastest": ratios[fastest],
    }


def _maintenance(k: int, d: int) -> dict[str, float]:
    """Return the cost of an arm's change for a replica: factoring it, and stacking the candidates again."""
    stack, arms, state = trained_stack(make_data(k, d, asked=1), k)
    return {
        "put_us": _us([_timed(lambda: stack.put(arms[0], state), 50) for _ in range(5)]),
        "select_us": _us([_timed(lambda: stack.select(arms), 50) for _ in range(5)]),
    }


def _calibrated(entrant: Contender) -> Callable[[], float]:
    """Return a function that times one turn and gives the seconds of one decision."""
    inputs = itertools.cycle(entrant.inputs)
    for _ in range(3):
        entrant.call(next(inputs))
    once = min(_timed(lambda: entrant.call(next(inputs)), 1) for _ in range(3))
    number = max(1, int(TURN_S / once))

    def turn() -> float:
        chosen = list(itertools.islice(inputs, number))
        call = entrant.call
        begin = time.perf_counter()
        for given in chosen:
            call(given)
        return (time.perf_counter() - begin) / (number * entrant.at_once)

    return turn


def _timed(call: Callable[[], object], number: int) -> float:
    begin = time.perf_counter()
    for _ in range(number):
        call()
    return (time.perf_counter() - begin) / number


def _us(seconds: list[float]) -> float:
    return round(median(seconds) * 1e6, 2)
