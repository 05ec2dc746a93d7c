"""Errors of API keys.

::

    KeyFileError (Exception)    the key file cannot be read or written
"""

from __future__ import annotations


class KeyFileError(Exception):
    """The key file cannot be read or written."""
