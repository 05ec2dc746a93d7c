"""What can go wrong with scoring.

::

    ScoringError (Exception)
    ├── ScorerNotUsable      the class cannot be loaded, or has no method ``score``
    └── BadScore             a scorer raised, or gave something that is no score
"""

from __future__ import annotations


class ScoringError(Exception):
    """Base of every error raised by :mod:`pointsman.llm.grading`."""


class ScorerNotUsable(ScoringError):
    """The scorer that the configuration names cannot be used."""


class BadScore(ScoringError):
    """A scorer raised, or gave something that is no score."""
