"""What can go wrong with features.

::

    FeaturesError
    ├── ExtractorNotUsable     cannot be loaded, or is not what an extractor has to be
    └── ExtractionFailed       raised on a request, or returned no context
"""


class FeaturesError(Exception):
    """Base of the errors about features."""


class ExtractorNotUsable(FeaturesError):
    """An extractor that the configuration names cannot be loaded, or lacks what it needs."""


class ExtractionFailed(FeaturesError):
    """An extractor raised on a request, or returned something that is no context."""
