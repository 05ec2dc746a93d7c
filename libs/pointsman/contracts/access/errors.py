"""What can go wrong with API keys.

::

    KeyFileError (Exception)    the file of keys cannot be read or written
"""

from __future__ import annotations


class KeyFileError(Exception):
    """The file of keys cannot be read or written."""
