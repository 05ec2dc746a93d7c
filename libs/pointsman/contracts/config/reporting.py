"""Checks of ``[report]`` and ``[regret]``."""

from __future__ import annotations

from pointsman.contracts.config.schema import RegretConfig, ReportConfig

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
EVERY = ("week", "day", "off")
RULES = ("confidence", "share", "off")
MAX_WINDOW_DAYS = 90


def check_reporting(report: ReportConfig, regret: RegretConfig) -> list[str]:
    """Return what is wrong with the two sections."""
    problems = [
        f"{name}: expected {', '.join(allowed[:-1])} or {allowed[-1]}, got {value!r}"
        for name, value, allowed in (
            ("report.every", report.every, EVERY),
            ("report.weekday", report.weekday, WEEKDAYS),
            ("regret.rule", regret.rule, RULES),
        )
        if value not in allowed
    ]
    problems += [
        f"{name}: expected {low} to {high}, got {value}"
        for name, value, low, high in (
            ("report.hour", report.hour, 0, 23),
            ("regret.margin", regret.margin, 0, 100),
            ("regret.share_margin", regret.share_margin, 0, 1),
            ("regret.share_of_samples", regret.share_of_samples, 0, 1),
            ("regret.min_samples", regret.min_samples, 1, 10_000),
            ("regret.window_days", regret.window_days, 1, MAX_WINDOW_DAYS),
            ("regret.check_s", regret.check_s, 1, 86_400),
        )
        if not low <= value <= high
    ]
    if not 0.5 < report.confidence < 1.0:
        problems.append(f"report.confidence: expected more than 0.5 and less than 1, got {report.confidence}")
    return problems
