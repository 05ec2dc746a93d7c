"""How good an answer was, as far as a machine can tell without asking anybody."""

from pointsman.llm.grading.checked import CheckedScorer, make_scorer
from pointsman.llm.grading.default import DefaultScorer
from pointsman.llm.grading.errors import BadScore, ScorerNotUsable, ScoringError
from pointsman.llm.grading.scorer import Score, ScoredRequest, Scorer

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
