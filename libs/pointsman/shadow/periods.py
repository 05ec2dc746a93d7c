"""Lengths of the periods that shadow evaluation sums over."""

HOUR_MS = 3_600_000
DAY_S = 86_400
DAY_MS = 1000 * DAY_S
HOURS_PER_DAY = 24
