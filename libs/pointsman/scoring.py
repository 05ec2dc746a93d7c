"""Public names for scorers of your own (``[scoring] scorer = "module:Class"``)."""

from pointsman.contracts.messages.outcome import Attempt
from pointsman.llm.completion import Completion
from pointsman.llm.grading.checked import CheckedGrader as CheckedScorer
from pointsman.llm.grading.checked import make_grader as make_scorer
from pointsman.llm.grading.default import DefaultGrader as DefaultScorer
from pointsman.llm.grading.grader import BadGrade as BadScore
from pointsman.llm.grading.grader import Grade as Score
from pointsman.llm.grading.grader import GradedRequest as ScoredRequest
from pointsman.llm.grading.grader import Grader as Scorer
from pointsman.llm.grading.grader import GraderUnusable as ScorerNotUsable
from pointsman.llm.grading.grader import GradingError as ScoringError

__all__ = [
    "Attempt",
    "BadScore",
    "CheckedScorer",
    "Completion",
    "DefaultScorer",
    "Score",
    "ScoredRequest",
    "Scorer",
    "ScorerNotUsable",
    "ScoringError",
    "make_scorer",
]
