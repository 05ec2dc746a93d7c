"""Grading of answers: an automatic estimate of quality, without a person or another model.

`grader` has the interface that a class of a configuration's ``[scoring]`` implements, `default` the built-in grader.
"""

from pointsman.llm.grading.checked import CheckedGrader, make_grader
from pointsman.llm.grading.default import DefaultGrader
from pointsman.llm.grading.grader import BadGrade, Grade, GradedRequest, Grader, GraderUnusable, GradingError

__all__ = [
    "BadGrade",
    "CheckedGrader",
    "DefaultGrader",
    "Grade",
    "GradedRequest",
    "Grader",
    "GraderUnusable",
    "GradingError",
    "make_grader",
]
