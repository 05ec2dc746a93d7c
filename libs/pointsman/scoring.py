"""Public names for scorers of your own (``[scoring] scorer = "module:Class"``)."""

from pointsman.contracts.messages.outcome import Attempt
from pointsman.llm.completion import Completion
from pointsman.llm.grading.default import DefaultGrader as DefaultScorer
from pointsman.llm.grading.grader import Grade as Score
from pointsman.llm.grading.grader import GradedRequest as ScoredRequest
from pointsman.llm.grading.grader import Grader as Scorer

__all__ = ["Attempt", "Completion", "DefaultScorer", "Score", "ScoredRequest", "Scorer"]
