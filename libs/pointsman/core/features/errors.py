"""Errors of feature extraction.

::

    FeaturesError
    ├── ExtractorNotUsable     cannot be loaded, or does not have the interface of an extractor
    └── ExtractionFailed       raised an exception, or did not return a context
"""


class FeaturesError(Exception):
    """Base of the errors of feature extraction."""


class ExtractorNotUsable(FeaturesError):
    """The configured extractor cannot be loaded, or does not have the interface of an extractor."""


class ExtractionFailed(FeaturesError):
    """An extractor raised an exception for a request, or did not return a context."""
