"""Which metrics a PromQL expression asks for, without a PromQL parser."""

from __future__ import annotations

import re

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_LABELS = re.compile(r"\{[^{}]*\}|\[[^\[\]]*\]")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)")
_NAME = re.compile(r"(?<![\w:$.])([a-zA-Z_:][\w:]*)\b(?!\s*\()")
_WORDS = frozenset({"and", "or", "unless", "bool", "offset", "inf", "nan", "by", "without", "on", "ignoring"})
_LABEL_VALUES = re.compile(r"^label_values\(([\w:]+), *\w+\)$")

OTHER_METRICS = frozenset(
    {"up", "ALERTS", "process_cpu_seconds_total", "process_resident_memory_bytes", "process_start_time_seconds"}
)
"""What Prometheus itself and its client for Python add."""


def metrics_of(expression: str) -> set[str]:
    """Return the names of all series that an expression asks for."""
    bare = _GROUPING.sub(" ", _LABELS.sub(" ", _STRING.sub(" ", expression)))
    return {name for name in _NAME.findall(bare) if name.lower() not in _WORDS}


def metric_of_variable(query: str) -> str:
    """Return the metric whose labels a dashboard's variable lists."""
    found = _LABEL_VALUES.match(query)
    assert found, query
    return found[1]
