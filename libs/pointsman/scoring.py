"""Public names for scorers of your own (``[scoring] scorer = "module:Class"``)."""

from pointsman.contracts.messages.outcome import Attempt
from pointsman.llm.grading import DefaultScorer, Score, ScoredRequest, Scorer
from pointsman.llm.providers.base import Completion

__all__ = ["Attempt", "Completion", "DefaultScorer", "Score", "ScoredRequest", "Scorer"]
