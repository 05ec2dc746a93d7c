"""Refusals by how they begin. A model that refuses says so at once, in few words."""

from __future__ import annotations

import re

MOST_CHARS = 600
"""A longer answer that begins with an apology has something to say after it."""

_APOLOGY = (
    r"(?:i['’]?m (?:very |really |so )?sorry|i am (?:very |really |so )?sorry|sorry|i apologi[sz]e|unfortunately)"
)
_UNABLE = (
    r"i (?:can['’]?t|cannot|can not|won['’]?t|will not|am (?:not able|unable)|['’]m (?:not able|unable))"
    r"|i['’]m (?:not able|unable)|i must (?:decline|refuse)|i have to decline"
)
_DOING = (
    r"(?:to )?(?:help|assist|do that|do this|comply|provide|create|generate|fulfil+|answer|discuss|share|support|engage"
    r"|continue|write|produce|participate|offer)"
)
_REFUSAL = re.compile(
    rf"\s*(?:{_APOLOGY}[,.!:;—–-]?\s*(?:but|however)?,?\s*)?(?:(?:{_UNABLE})\s+{_DOING}"
    rf"|i must (?:decline|refuse)|i have to decline|as an ai(?: language)?(?: model)?,?\s*(?:{_UNABLE}))",
    re.IGNORECASE,
)


def looks_like_refusal(text_head: str, text_chars: int) -> bool:
    """Tell whether an answer begins as refusals do, in English.

    Parameters
    ----------
    text_head : str
        The beginning of the answer.
    text_chars : int
        The length of all of it.
    """
    return text_chars <= MOST_CHARS and _REFUSAL.match(text_head) is not None
