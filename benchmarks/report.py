"""The results as JSON for machines, and as Markdown for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.llm_report import chat_section
from benchmarks.machine import short_name

AIMS = {
    "kernel": 3.0,
    "throughput_of_floor": 0.75,
    "p99_of_floor": 1.3,
    "applied_per_s": 10_000,
    "fresh_p99_ms": 50.0,
    "memory_mb": 120.0,
    "evaluated_of_decided": 1.0,
    "view_ms": 200.0,
    "litellm_throughput": 15.0,
    "litellm_added_p50": 0.2,
}


def write_results(results: dict[str, Any], folder: Path) -> str:
    """Write ``<date>-<machine>.json`` and ``.md``, and ``latest.md``; return the Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{results['at'][:10]}-{short_name(results['machine'])}"
    text = to_markdown(results)
    (folder / f"{name}.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for file in (f"{name}.md", "latest.md"):
        (folder / file).write_text(text, encoding="utf-8")
    return text


def to_markdown(results: dict[str, Any]) -> str:
    """Return the results as Markdown. Ratios come first: absolute figures are this machine's."""
    lines = [f"# Benchmarks, {results['at']}", "", *_machine(results), ""]
    if "kernel" in results:
        lines += _kernel(results["kernel"])
    if "learning" in results:
        lines += _learning(results["learning"])
    if "path" in results:
        lines += _path(results["path"])
    if "shadow" in results:
        lines += _shadow(results["shadow"])
    if "views" in results:
        lines += _views(results["views"])
    if "llm" in results:
        lines += chat_section(results["llm"], AIMS["litellm_throughput"], AIMS["litellm_added_p50"])
    return "\n".join(lines)


def _machine(results: dict[str, Any]) -> list[str]:
    machine = results["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    return [
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB, {machine['system']}, "
        f"load before {' '.join(map(str, machine['load_before']))}; {machine['python']}; took {results['took_s']} s.",
        "",
        packages + ".",
    ]


def _kernel(cases: list[dict[str, Any]]) -> list[str]:
    lines = [
        "## Decision kernel",
        "",
        "From a context to a drawn arm, in memory. Time of a decision in µs; in brackets how many times faster "
        "Pointsman is (median over rounds taken in turns). "
        f"Aim: at least {AIMS['kernel']:g} × the fastest peer.",
        "",
    ]
    modes = [key for key in cases[0] if isinstance(cases[0][key], dict) and "times_faster_than" in cases[0][key]]
    for mode in modes:
        peers = list(cases[0][mode]["peers_us"])
        lines += [
            f"### {mode.replace('_', ' ').capitalize()}",
            "",
            f"| arms | d | Pointsman | {' | '.join(peers)} | × fastest | aim |",
            "|--:|--:|--:|" + "--:|" * (len(peers) + 1) + "---|",
        ]
        for case in cases:
            at = case[mode]
            cells = [f"{at['peers_us'][peer]:g} ({at['times_faster_than'][peer]:g} ×)" for peer in peers]
            fastest = at["times_faster_than_fastest"]
            lines.append(
                f"| {case['arms']} | {case['features']} | {at['pointsman_us']:g} | {' | '.join(cells)} "
                f"| {fastest:g} | {_met(fastest >= AIMS['kernel'])} |"
            )
        lines.append("")
    lines += ["### When an arm has changed", "", "| arms | d | factor one arm, µs | stack the candidates, µs |"]
    lines.append("|--:|--:|--:|--:|")
    for case in cases:
        changes = case["arm_changes"]
        lines.append(f"| {case['arms']} | {case['features']} | {changes['put_us']:g} | {changes['select_us']:g} |")
    return [*lines, ""]


def _learning(learning: dict[str, Any]) -> list[str]:
    applied, fresh, memory = learning["applied"], learning["freshness"], learning["memory_mb"]
    lines = [
        "## Learning",
        "",
        "| | reached | aim | |",
        "|---|--:|--:|---|",
        f"| outcomes applied per second by one reward-updater ({applied['outcomes']:,} outcomes, "
        f"{applied['updater_cpu_us_each']:g} µs of its processor time each) "
        f"| {applied['per_s']:,} | ≥ {AIMS['applied_per_s']:,} | {_met(applied['per_s'] >= AIMS['applied_per_s'])} |",
        f"| from an outcome's 202 to all {fresh['replicas']} replicas deciding with it, p99 of {fresh['probes']} "
        f"(p50 {fresh['p50_ms']:g} ms, worst {fresh['worst_ms']:g} ms; upper bounds) | {fresh['p99_ms']:g} ms "
        f"| < {AIMS['fresh_p99_ms']:g} ms | {_met(fresh['p99_ms'] < AIMS['fresh_p99_ms'])} |",
    ]
    for service, size in memory.items():
        lines.append(
            f"| resident memory of {service} ({learning['memory_of']}) | {size:g} MB "
            f"| < {AIMS['memory_mb']:g} MB | {_met(size < AIMS['memory_mb'])} |"
        )
    return [*lines, ""]


def _path(path: dict[str, Any]) -> list[str]:
    size = path["bytes"]
    lines = [
        "## Whole path, against the floor",
        "",
        f"A decision among {path['arms']} arms with {path['features']} features: {size['request']} bytes in, "
        f"{size['logged']} logged, {size['answer']} out. Medians over {path['rounds']} rounds of {path['turn_s']:g} s "
        f"in turns. Aim: throughput ≥ {AIMS['throughput_of_floor']:g} and p99 ≤ {AIMS['p99_of_floor']:g} of the floor.",
        "",
        *_compared(path["compared"]),
        "",
        "With two shadow policies running at the same time (no aim):",
        "",
        *_compared(path["with_two_shadows"]["compared"]),
    ]
    return [*lines, ""]


def _shadow(shadow: dict[str, Any]) -> list[str]:
    evaluated, joined, at_once = shadow["evaluated"], shadow["joined"], shadow["beside"]
    ratio, aim = shadow["evaluated_of_decided"], AIMS["evaluated_of_decided"]
    return [
        f"## {shadow['shadows']} shadows",
        "",
        f"{shadow['replicas']} replicas decide among {shadow['arms']} arms, {shadow['in_flight']} requests in flight; "
        f"then one evaluator reads what they decided. Medians over {shadow['rounds']} rounds of {shadow['turn_s']:g} s "
        "in turns.",
        "",
        "| | |",
        "|---|--:|",
        f"| decisions of both replicas per second | {shadow['decided_per_s']:,} |",
        f"| decisions evaluated per second by every shadow ({evaluated['number']:,} decisions, "
        f"{evaluated['cpu_us_each']:g} µs of the evaluator's processor time each) | {evaluated['per_s']:,} |",
        f"| evaluated ÷ decided; aim ≥ {aim:g}: {_met(ratio >= aim)} | {ratio:g} |",
        f"| rewards joined per second with every shadow and arm ({joined['number']:,} rewards, decisions fetched from "
        f"the log, {joined['cpu_us_each']:g} µs each) | {joined['per_s']:,} |",
        f"| all at once: decided per second / evaluated per second meanwhile "
        f"| {at_once['decided_per_s']:,} / {at_once['evaluated_per_s']:,} |",
        f"| … and how long the evaluator needs to catch up afterwards | {at_once['behind_s']:g} s |",
        "",
    ]


def _views(views: dict[str, Any]) -> list[str]:
    aim = AIMS["view_ms"]
    lines = [
        "## Dashboard",
        "",
        f"What the gateway takes to answer each view, with {views['decisions']:,} decisions of {views['days']} days in "
        f"the store, {views['arms']} arms and {views['shadows']} shadows. {views['rounds']} rounds in turns. "
        f"Aim: the median is below {aim:g} ms.",
        "",
        "| view | first, ms | median, ms | longest, ms | answer, kB | aim |",
        "|---|--:|--:|--:|--:|---|",
    ]
    for view, took in views["asked"].items():
        lines.append(
            f"| {view} | {took['first_ms']:g} | {took['median_ms']:g} | {took['longest_ms']:g} | {took['kb']:g} "
            f"| {_met(took['median_ms'] < aim)} |"
        )
    return [*lines, ""]


def _compared(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        "| | in flight | throughput ÷ floor | p50 ÷ floor | p99 ÷ floor | aims | CPU ÷ floor "
        "| per s (floor) | p50 ms (floor) | p99 ms (floor) | failed |",
        "|---|--:|--:|--:|--:|---|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        ours, floor = row["pointsman"], row["floor"]
        fast = _met(row["throughput_of_floor"] >= AIMS["throughput_of_floor"])
        even = _met(row["p99_of_floor"] <= AIMS["p99_of_floor"])
        lines.append(
            f"| {row['way'].upper()} | {row['in_flight']} | {row['throughput_of_floor']:g} | {row['p50_of_floor']:g} "
            f"| {row['p99_of_floor']:g} | {fast}, {even} | {row['cpu_of_floor']:g} "
            f"| {ours['per_s']:,} ({floor['per_s']:,}) "
            f"| {ours['p50_ms']:g} ({floor['p50_ms']:g}) | {ours['p99_ms']:g} ({floor['p99_ms']:g}) "
            f"| {ours['failed']} |"
        )
    return lines


def _met(yes: bool) -> str:
    return "met" if yes else "missed"
