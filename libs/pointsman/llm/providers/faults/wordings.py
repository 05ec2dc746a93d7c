"""The words by which refusals are recognised: one table for all providers, because they copy each other's.

A refusal is recognised by its kind, not by whole sentences: a limit of length by a word for size next to one for what
is measured; something that a model cannot do by a word for "not supported" and the name of a feature. A wording that is
recognised without need costs a call of another candidate; one that is not is judged by that candidate (ADR 0044).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from pointsman.llm.providers.capabilities.adaptations import HINTS
from pointsman.llm.providers.capabilities.requirements import INPUT_LENGTH, OUTPUT_LENGTH


class Kind(Enum):
    """Kinds of refusals."""

    LENGTH = "length"  # the prompt or the answer is too long for the model
    FEATURE = "feature"  # the model or its server cannot do something
    ACCESS = "access"  # this account may not use the model
    POLICY = "policy"  # a rule on content or place
    ACCOUNT = "account"  # no credit, or a quota is used up
    KEY = "key"  # the key is wrong
    MISTAKE = "mistake"  # the request is malformed


class Wording(NamedTuple):
    """A refusal that was recognised; ``features`` are those that it names, or the limit of length."""

    kind: Kind
    features: tuple[str, ...] = ()


CODES = {
    "context_length_exceeded": Kind.LENGTH,
    "exceed_context_size_error": Kind.LENGTH,
    "string_above_max_length": Kind.LENGTH,
    "request_too_large": Kind.LENGTH,
    "unsupported_parameter": Kind.FEATURE,
    "unsupported_value": Kind.FEATURE,
    "unsupported_model": Kind.FEATURE,
    "unknown_parameter": Kind.FEATURE,
    "model_not_found": Kind.ACCESS,
    "insufficient_quota": Kind.ACCOUNT,
    "billing_error": Kind.ACCOUNT,
    "invalid_api_key": Kind.KEY,
}
"""Codes and types of errors that show the kind."""


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.I | re.S)


_TOO_MUCH = (
    r"exceed\w*|too (?:large|long|big|many|high)|(?:longer|larger|more) than|greater than(?! or equal| [01]\b)"
    r"|(?:less|fewer) than|at most|up to|<=|≤|above|between|overflow\w*|maximum|range"
)
_MEASURED = (
    r"tokens?|context|prompts?|inputs?|messages?|conversation|sequence|requests?|content|text|characters?"
    r"|(?:model|prompt|input|output|total|max\w*)[ _-]length"
)
_LENGTH = _any(
    r"context[ _-]?(?:length|window|limit|size|budget|overflow)|\bn_ctx\b|num_ctx",
    rf"\b(?:max\w*|completion|output|generation)[ _-]?(?:\w+[ _-])?(?:tokens?|length)\b.{{0,80}}?(?:{_TOO_MUCH}|limit)",
    r"(?:exceed\w*|too (?:large|long|big|many|high)|(?:longer|larger|more) than|over|beyond|limit of|at most|up to"
    r"|maximum|max)\b.{0,60}?\b(?:tokens?|context|(?:model|prompt|input|output|sequence|total|text|max\w*)[ _-]?length"
    r"|max length)\b",
    rf"\b(?:{_MEASURED})\b[^.;]{{0,80}}?(?:exceed\w*|too (?:large|long|big|many)|(?:longer|larger) than"
    r"|(?:less|fewer|shorter) than \d|(?:up to|at most) \d|(?:above|over) the|<=|overflow\w*)",
    r"max_length\b",
    r"reduce (?:the |your )?(?:length|size|number)|shorten (?:the|your)|(?:string|array) too long",
    r"range of (?:input|output|prompt|max\w*)|\b(?:prompt|input|generation) length\b",
    r"too many (?:images|documents|tools)",
    r"超长|过长|超过|超出",
)
_OUTPUT = _any(
    r"^\W*(?:\w+ ){0,3}[`'\"]?max_?(?:\w+_)?tokens\b(?!.{0,20}(?:context|prompt|input))",
    r"maxOutputTokens|(?:completion|output|new) tokens?\b.{0,40}(?:for|limit|maximum|allowed|at most)",
    r"at most \d+ completion",
)
"""Words about the length of the answer rather than that of the prompt."""
_ANSWER = _any(r"max\w*tokens|completion|\boutput|\bnew tokens")
_ROLES = r"\broles?\b.{0,60}input should be|input should be '(?:user|assistant|system)'|\broles only\b"
_NOT_SUPPORTED = _any(
    r"\bnot (?:be |been |yet |currently |natively |a valid |properly )*(?:support|allow|permit|available|accept"
    r"|implement|enable|compatible|recogni[sz]|possible|capable|configured|use|work|multi-?modal|vision|provided by"
    r"|offer)\w*",
    r"(?:\bnot?|n't|never) (?:currently |yet |natively )*(?:support|accept|allow|have(?! (?:\w+ )?access)|handle"
    r"|understand|process|permit|take|work|implement|provide|offer)\w*",
    r"unsupported|unavailable|unrecogni[sz]ed|unknown|unexpected (?:value|key|field|param|arg|role|keyword)"
    r"|incompatible|deprecated|disabled|no longer",
    r"\b(?:only|just) (?:be )?(?:support|available|allow|compatible|accept|work|the default)\w*",
    r"\b(?:supports?|accepts?|allows?) only\b|text[- ]only",
    r"\b(?:cannot|can't|can not|unable to|must not|may not|may only|can only|could not|not able to)\b.{0,30}?\b(?:use|"
    r"process|handle|accept|read|set|specif|combin|includ|contain|pass|enabl|call|have|support|run|generat|provid)\w*",
    r"requires? (?:--|enabling|setting|a (?:vision|multi-?modal|different))|is required to (?:use|enable)",
    r"\bnot an? (?:multi-?modal|vision|chat|reasoning|thinking|instruct)",
    r"extra (?:inputs?|fields?|keys?)|extraneous|additional propert",
    r"no endpoints? found|\black(?:s|ing)?\b|\bwithout (?:support|vision|tools?)\b",
    r"expected one of|supported (?:values|roles|types|formats) are|must be one of|is not one of",
    r"\bonly\b.{0,25}\b(?:is|are|be) (?:allow|support|accept|available|permit)\w*|\bmust be (?:1|0|the default)\b",
    r"\bonly \d[\d.]* is\b|\binvalid (?:role|beta)|\brole\b.{0,25}\binvalid|\bno (?:\w+ ){1,2}?support",
    r"(?:final|last) message must",
    rf"{_ROLES}|mmproj|prefill|must end with|must (?:start|begin) with a",
)
_ACCESS = _any(
    r"(?:not?|n't) (?:have |been |yet |currently )*(?:access|authori[sz]ed|entitled|granted|enabled)",
    r"access\b.{0,40}\b(?:denied|not allowed|restricted|required)|(?:denied|no|lacks?|request) (?:\w+ )?access"
    r"|accessdenied",
    r"model\b.{0,80}\b(?:not (?:be )?found|does(?: not|n't) exist|is not available|not deployed|not loaded|retired"
    r"|decommissioned|end of (?:its )?life)|no such model|unknown model|model[ _]not[ _]found",
    r"on-demand throughput|inference profile|use case details|marketplace|end-user license|\beula\b",
    r"not (?:allowed|permitted|authori[sz]ed) (?:to|for|in)|permission",
)
_POLICY = _any(r"polic(?:y|ies)\b|moderat|flagged|content[ _]filter|safety|\bregion|country|terms of (?:service|use)")
_ACCOUNT = _any(
    r"credit balance|insufficient (?:\w+ )?(?:balance|credits?|quota|funds)|(?:out of|more|no) credits?\b",
    r"billing|payment|(?:exceeded|over) your (?:\w+ )?quota|quota (?:is |has been )?(?:exceeded|exhausted)|arrears",
    r"欠费",
)
_KEY = _any(
    r"api[ _-]?key|\bkeys?\b|\btoken\b.{0,60}\b(?:invalid|expired|missing|malformed|revoked)",
    r"(?:invalid|expired|missing|malformed|revoked|no|bad|wrong).{0,20}\btoken\b",
    r"credential|signature|authenticat|unauthenticated|\bsecret\b|x-amz|unrecognizedclient|bearer|login",
)
_KEY_REFUSED = _any(
    r"api[ _-]?key.{0,30}(?:not valid|invalid|expired|missing|incorrect)|(?:invalid|incorrect) api[ _-]?key"
)
_MISTAKE = _any(
    r"fields? (?:is )?required|\bis (?:a )?required\b|required (?:property|field|parameter|argument)|\bmissing\b",
    r"at least (?:one|1|\d+ (?:item|message|character))|input should be|must be (?:greater|at least|positive|non-)",
    r"(?:must|should|can(?:not)?|may) (?:not )?be (?:empty|blank|null)|non-?empty|must contain",
    r"(?:invalid|malformed|not (?:a )?valid|parse|parsing|decod\w+).{0,20}\bjson\b(?! ?schema|_)|json (?:parse|decode)",
    r"invalid type|expected (?:an? )?(?:object|array|string|number|integer|boolean)|valid (?:integer|number|string|list"
    r"|dictionary|boolean)|duplicate",
)

FEATURES: dict[str, re.Pattern[str]] = {
    name: _any(*patterns)
    for name, patterns in {
        "thinking_history": (
            r"signature.{0,40}thinking|thinking.{0,60}(?:signature|blocks?\b)|thought[ _-]?signature",
            r"expected `?(?:thinking|redacted_thinking)|redacted_thinking",
            r"reasoning_content.{0,80}(?:passed back|must|missing|required)|must start with a thinking",
        ),
        "null_content": (
            r"content\b.{0,60}\b(?:null|none|nil|nonetype)\b",
            r"(?:null|none)\b.{0,40}\bcontent",
        ),
        "list_content": (
            r"content\b.{0,60}(?:valid string|sequence)",
            r"content\b.{0,60}(?:be|expected|not|of type) (?:an? )?['`\"]?(?:string|str)\b(?! with)",
            r"(?:string|str)\b.{0,20}expected.{0,40}content|cannot concatenate|got (?:list|array)",
            r"(?:sequence|array|list)\b.{0,20}expected (?:an? )?str(?:ing)?\b",
        ),
        "anthropic-beta": (r"anthropic[-_]beta|\bbetas?\b",),
        "cache_control": (r"cache_control|cache[ _-]?points?|prompt[ _-]?cach(?:e|ing)",),
        "parallel_tool_calls": (r"parallel[ _-]?(?:tool|function)?[ _-]?(?:calls?|calling|use)",),
        "reasoning_effort": (r"reasoning[ _]?effort|reasoning\.effort|\befforts?\b|output_config\b(?!\.format)",),
        "thinking": (r"\bthinking\b|\breasoning\b|enable_thinking|budget_tokens",),
        "developer": (r"developer", r"invalid role", _ROLES),
        "max_tokens": (r"\bmax_tokens\b",),
        "max_completion_tokens": (r"max_completion_tokens",),
        "temperature": (r"temperature",),
        "top_p": (r"\btop_?p\b",),
        "top_k": (r"\btop_?k\b",),
        "presence_penalty": (r"presence[_ ]?penalty",),
        "frequency_penalty": (r"frequency[_ ]?penalty",),
        "seed": (r"\bseed\b",),
        "stream_options": (r"stream_options|include_usage",),
        "verbosity": (r"verbosity",),
        "store": (r"\bstore\b",),
        "metadata": (r"\bmetadata\b",),
        "user": (r"(?<!\w)[`'\"]user[`'\"](?= is| param| field|:)|parameters?:? [`'\"]?user\b",),
        "service_tier": (r"service_tier|\bspeed\b",),
        "prompt_cache_key": (r"prompt_cache_key|prompt_cache_retention",),
        "safety_identifier": (r"safety_identifier",),
        "context_management": (r"context_management|clear_t\w+_\d+",),
        "strict": (r"\bstrict\b",),
        "tool_choice": (r"tool[ _-]?choice",),
        "tools": (r"\btools?\b|tool[ _-](?:use|call\w*)|\btool_\w+|functions?[ _-]?call\w*|\bfunctions?\b",),
        "images": (r"\bimages?\b|image_\w+|\bvision\b|multi-?modal|\bpictures?\b|mmproj",),
        "audio": (r"\baudio\b|input_audio",),
        "documents": (r"\bdocuments?\b|\bpdfs?\b|\bfiles?\b|\battachments?\b",),
        "json_schema": (
            r"json[_ ]?schema|structured[ _]outputs?|output_format|output_config\.format|response[ _]format",
        ),
        "json_object": (r"json_object|json[ _]mode|response[ _]format",),
        "prefill": (
            r"prefill|end with an? user|(?:last|final) message|assistant (?:message|turn).{0,30}(?:last|final|end)",
        ),
        "system": (
            r"\bsystem[ _](?:role|message|prompt|instruction|turn)s?|roles?\b.{0,20}\bsystem\b|developer instruct",
            _ROLES,
        ),
        **{name: (rf"\b{name}\b",) for name in HINTS},
        "logprobs": (r"logprobs",),
        "logit_bias": (r"logit_bias",),
        "stop": (r"\bstop(?:_sequences?| sequences?)?\b",),
        "n": (r"[`'\"]n[`'\"]|\bn (?:>|must|is)",),
    }.items()
}
"""Names of features in refusals. Where several are named, the first counts, and then this order: special ones first."""

_ALTERNATIVES = _any(
    r"expected one of|(?:supported|allowed|valid) (?:values|roles|types|formats) are|must be one of|not one of"
)
"""What follows is accepted, not refused."""
_UNMISTAKABLE = frozenset({"anthropic-beta", "cache_control", "parallel_tool_calls"})
"""Features that a refusal names only when it concerns them, also after the path where they were found."""
_SHAPES = frozenset({"thinking_history", "null_content", "list_content"})
"""Features whose words show by themselves that they are refused."""
_NARROW = _any(
    r"keyword|media[ _-]?type|mime|\bheic\b|webp|additionalProperties|base64|\bpixels?|dimension|\burls?\b",
    r"could not process|corrupt|decode",
)
"""A refusal with such words concerns one form of a feature, not the feature."""


def recognise(text: str, codes: tuple[str | None, ...] = ()) -> Wording | None:
    """Return the kind of a refusal, by the codes of the error and its words; None for one that is not known."""
    refusal = _Refusal(text, next((CODES[code] for code in codes if code in CODES), None))
    kind = next((kind for kind, applies in _RULES if applies(refusal)), None)
    if kind is None:
        return None
    features = {Kind.FEATURE: refusal.features, Kind.LENGTH: _limit(text)}
    return Wording(kind, features.get(kind, ()))


def names_key(text: str) -> bool:
    """Return whether the words of a 401 or 403 concern the key, or there are none."""
    return not text.strip() or _KEY.search(text) is not None


def named_features(text: str) -> tuple[str, ...]:
    """Return the features that a text names, by where it names them first."""
    text = _ALTERNATIVES.split(text, maxsplit=1)[0]
    order = {name: at for at, name in enumerate(FEATURES)}
    found = [
        (name not in _UNMISTAKABLE, match.start(), order[name], name)
        for name, words in FEATURES.items()
        if (match := words.search(text))
    ]
    return tuple(name for *_, name in sorted(found))


def _limit(text: str) -> tuple[str, ...]:
    """Return the limit of length that was exceeded; none where it is one of prompt and answer together."""
    if _OUTPUT.search(text):
        return (OUTPUT_LENGTH,)
    return () if _ANSWER.search(text) else (INPUT_LENGTH,)


class _Refusal:
    """A refusal as the rules see it."""

    def __init__(self, text: str, by_code: Kind | None) -> None:
        self.text = text
        self.by_code = by_code
        named = named_features(text)
        self.shape = next((name for name in named if name in _SHAPES), None)
        self.names_feature = bool(named) or by_code is Kind.FEATURE or "model" in text.lower()
        self.names_bound = bool(named) and named[0] in ("max_tokens", "max_completion_tokens")
        self.unsupported = by_code is Kind.FEATURE or _NOT_SUPPORTED.search(text) is not None
        self.features = (self.shape,) if self.shape else () if _NARROW.search(text) else named

    def has(self, words: re.Pattern[str]) -> bool:
        return words.search(self.text) is not None


_RULES: tuple[tuple[Kind, Callable[[_Refusal], bool]], ...] = (
    (Kind.KEY, lambda refusal: refusal.by_code is Kind.KEY or refusal.has(_KEY_REFUSED)),
    (Kind.ACCOUNT, lambda refusal: refusal.by_code is Kind.ACCOUNT or refusal.has(_ACCOUNT)),
    (Kind.FEATURE, lambda refusal: refusal.shape is not None),
    (Kind.LENGTH, lambda refusal: refusal.by_code is Kind.LENGTH),
    # Not where the name of the bound on the answer is refused instead of its value.
    (Kind.LENGTH, lambda refusal: refusal.has(_LENGTH) and not (refusal.unsupported and refusal.names_bound)),
    (Kind.FEATURE, lambda refusal: refusal.unsupported and refusal.names_feature),
    (Kind.POLICY, lambda refusal: refusal.has(_POLICY)),
    (Kind.ACCESS, lambda refusal: refusal.by_code is Kind.ACCESS or refusal.has(_ACCESS)),
    (Kind.MISTAKE, lambda refusal: refusal.has(_MISTAKE)),
    (Kind.FEATURE, lambda refusal: refusal.unsupported),
)
"""The first rule that applies decides."""
