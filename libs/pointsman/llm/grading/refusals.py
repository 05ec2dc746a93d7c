"""Detection of refusals by how an answer begins: a model that refuses does so at once and briefly."""

from __future__ import annotations

import re

MAX_REFUSAL_CHARS = 600
"""A longer answer that begins with an apology also has content."""

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
    """Return whether an answer begins like a refusal in English.

    Parameters
    ----------
    text_head : str
        The beginning of the answer.
    text_chars : int
        The length of all of it.
    """
    return text_chars <= MAX_REFUSAL_CHARS and _REFUSAL.match(text_head) is not None
