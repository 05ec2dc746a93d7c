"""The Markdown of the chat completions' part."""

from __future__ import annotations

from typing import Any

from benchmarks.llm import MOCK, THROUGH


def chat_section(llm: dict[str, Any], least_throughput: float, most_added: float) -> list[str]:
    """Return the section: ratios to LiteLLM first, then the figures of everyone.

    Parameters
    ----------
    least_throughput : float
        The aim: so many times LiteLLM's requests for each second of a process's processor time.
    most_added : float
        The aim: at most so much of what LiteLLM adds to the median.
    """
    rows = llm["compared"]
    lines = [
        "## Chat completions",
        "",
        "`direct` is the model called without anything in between. Pointsman decides, logs the decision, calls, passes "
        "on, measures, logs the outcome and learns from it. "
        f"Medians over {llm['rounds']} rounds of {llm['turn_s']:g} s in turns. *Added*: beyond the time of `direct`.",
        "",
    ]
    if any(row["ratios"] for row in rows):
        lines += [
            f"Aims: ≥ {least_throughput:g} × LiteLLM's requests for a second of the process's processor time; at most "
            f"{most_added:g} of the time it adds at the median. `{MOCK}` calls no model; `{THROUGH}` calls the same "
            f"model as the others. LiteLLM {llm['litellm']}.",
            "",
            "| answer | in flight | against | requests per CPU s | added p50 | added p99 | requests per s | aims |",
            "|---|--:|---|--:|--:|--:|--:|---|",
        ]
        for row in rows:
            for name, ratio in row["ratios"].items():
                met = ratio["throughput_per_cpu"] >= least_throughput, ratio["added_p50"] <= most_added
                lines.append(
                    f"| {_kind(row)} | {row['in_flight']} | {name} | {ratio['throughput_per_cpu']:g} × "
                    f"| {ratio['added_p50']:g} | {ratio['added_p99']:g} | {ratio['throughput']:g} × "
                    f"| {', '.join('met' if each else 'missed' for each in met)} |"
                )
        lines.append("")
    lines += [
        "| answer | in flight | | per s | p50 ms | p99 ms | CPU of its process, µs | CPU of all of them, µs | failed |",
        "|---|--:|---|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        for name in llm["memory_mb"]:
            at = row[name]
            lines.append(
                f"| {_kind(row)} | {row['in_flight']} | {name} | {at['per_s']:,} | {at['p50_ms']:g} | {at['p99_ms']:g} "
                f"| {at['own_cpu_us']:,.0f} | {at['all_cpu_us']:,.0f} | {at['failed']} |"
            )
    memory = ", ".join(f"{name} {size:g}" for name, size in llm["memory_mb"].items() if name != THROUGH)
    return [*lines, "", f"Resident memory of the process that is asked, MB: {memory}.", ""]


def _kind(row: dict[str, Any]) -> str:
    return "stream" if row["stream"] else "whole"
