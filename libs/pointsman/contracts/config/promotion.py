"""Checks of ``[promotion]``."""

from __future__ import annotations

import math
from collections.abc import Collection

from pointsman.contracts.config.schema import PromotionConfig


def check_promotion(promotion: PromotionConfig, tiers: Collection[str]) -> list[str]:
    """Return what is wrong with the section, given the tiers that there are."""
    problems = []
    if not (math.isfinite(promotion.margin) and 0.0 <= promotion.margin <= 100.0):
        problems.append(f"promotion.margin: expected 0 to 100, got {promotion.margin}")
    if not -100.0 <= promotion.quality_floor <= 0.0:
        problems.append(f"promotion.quality_floor: expected -100 to 0, got {promotion.quality_floor}")
    if not promotion.cost_ceiling >= 0.0:  # may be inf
        problems.append(f"promotion.cost_ceiling: expected a number of at least 0, got {promotion.cost_ceiling}")
    counts = {key: getattr(promotion, key) for key in ("min_decisions", "rollback_min_decisions")}
    problems += [f"promotion.{key}: expected at least 1, got {count}" for key, count in counts.items() if count < 1]
    if not (math.isfinite(promotion.check_s) and promotion.check_s > 0.0):
        problems.append(f"promotion.check_s: expected more than 0, got {promotion.check_s}")
    problems += [f"promotion.tiers: no tier {name!r}" for name in promotion.tiers or [] if name not in tiers]
    return problems
