"""How good an answer was, as far as a machine can tell without asking anybody."""

from pointsman.scoring.checked import CheckedScorer, make_scorer
from pointsman.scoring.default import DefaultScorer
from pointsman.scoring.errors import BadScore, ScorerNotUsable, ScoringError
from pointsman.scoring.scorer import Score, ScoredRequest, Scorer

__all__ = [
    "BadScore",
    "CheckedScorer",
    "DefaultScorer",
    "Score",
    "ScoredRequest",
    "Scorer",
    "ScorerNotUsable",
    "ScoringError",
    "make_scorer",
]
