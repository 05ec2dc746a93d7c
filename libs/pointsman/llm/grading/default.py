"""The built-in grader: an answer is good unless something about it is wrong.

====================  =========================================================================  ===========
part                  condition                                                                  value
====================  =========================================================================  ===========
``complete``          the provider did not finish the answer                                     0
``content``           there is neither text nor a tool call                                      0
``filter``            a content filter ended it (``content_filter``)                             0
``refusal``           the model refused: by its finish reason, or by how the text begins         0, or 0.1
``length``            it was cut off at the length limit                                         0.6
``tool_calls``        share of calls whose arguments are a JSON object and whose tool was        0 to 1
                      offered
``tool_choice``       a tool call was required, and there is none                                0
``json``              JSON was required, and the text does not begin as JSON                     0.2
``stream``            events of the stream were not readable                                     0.5
====================  =========================================================================  ===========

Quality is 100 times the product. Parts that do not apply are left out. Latency and cost are not included: the reward
has its own terms for them. When the client disconnected before the end, it may have had enough or not, so the quality
is unknown unless the product is 0 already.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pointsman.contracts.messages.outcome import Attempt
from pointsman.llm.completion import Completion
from pointsman.llm.grading.grader import Grade, GradedRequest

REFUSED_IN_WORDS = 0.1
"""Not 0, because the pattern may be wrong."""
CUT_AT_LENGTH = 0.6
NOT_JSON = 0.2
UNREADABLE_EVENTS = 0.5
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


class DefaultGrader:
    """See the module's table."""

    def score(self, request: GradedRequest, completion: Completion, attempts: Sequence[Attempt]) -> Grade:
        """Return the grade of an answer."""
        parts = dict(_parts(request, completion))
        quality = 100.0 * math.prod(parts.values())
        if request.client_left and not completion.complete and quality > 0.0:
            return Grade(None, parts)
        return Grade(quality, parts)


def _parts(request: GradedRequest, completion: Completion) -> Iterable[tuple[str, float]]:
    finish, text = completion.finish_reason, completion.text_chars > 0
    if not request.client_left:
        yield "complete", 1.0 if completion.complete else 0.0
    if completion.complete or not request.client_left:
        yield "content", 1.0 if text or completion.tool_calls else 0.0
    if finish == "content_filter":
        yield "filter", 0.0
    if finish == "refusal":
        yield "refusal", 0.0
    elif text and not completion.tool_calls and looks_like_refusal(completion.text_head, completion.text_chars):
        yield "refusal", REFUSED_IN_WORDS
    if finish == "length":
        yield "length", CUT_AT_LENGTH
    if completion.malformed_events:
        yield "stream", UNREADABLE_EVENTS
    if completion.complete:
        yield from _form(request, completion)


def _form(request: GradedRequest, completion: Completion) -> Iterable[tuple[str, float]]:
    """Yield how far the answer has the form that the request requires."""
    calls = completion.tool_calls
    if calls:
        offered = _offered(request.body)
        good = sum(call.valid_json and (not offered or call.name in offered) for call in calls)
        yield "tool_calls", good / len(calls)
    elif _tool_required(request.body):
        yield "tool_choice", 0.0
    elif completion.text_chars and _json_required(request.body):
        yield "json", 1.0 if completion.text_head.lstrip()[:1] in ("{", "[") else NOT_JSON


def _offered(body: Mapping[str, Any]) -> set[str]:
    """Return the names of the tools that a request offers, in either dialect."""
    names = set()
    for tool in _list(body.get("tools")) + _list(body.get("functions")):
        if isinstance(tool, dict):
            inner = tool.get("function") or tool.get("custom")
            name = inner.get("name") if isinstance(inner, dict) else tool.get("name")
            if isinstance(name, str):
                names.add(name)
    return names


def _tool_required(body: Mapping[str, Any]) -> bool:
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        return choice.get("type") in ("function", "any", "tool", "custom")
    return choice == "required"


def _json_required(body: Mapping[str, Any]) -> bool:
    wanted = body.get("response_format")
    return isinstance(wanted, dict) and wanted.get("type") in ("json_object", "json_schema")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def looks_like_refusal(text_head: str, text_chars: int) -> bool:
    """Return whether an answer of this length begins like a refusal in English: at once, and briefly."""
    return text_chars <= MAX_REFUSAL_CHARS and _REFUSAL.match(text_head) is not None
