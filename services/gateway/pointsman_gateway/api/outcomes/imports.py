"""``POST /v1/import``: append results that were measured elsewhere to the outcome log."""

import asyncio
import time
from collections.abc import Iterator

from starlette.types import Receive, Scope

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.contracts.messages.imports import (
    ImportAccepted,
    ImportedRow,
    ImportRequest,
    check_rows,
    import_decoder,
    imported_id,
)
from pointsman.contracts.messages.nesting import check_nesting
from pointsman.contracts.messages.outcome import Outcome
from pointsman.core.bandit import Arm, ContextError, conform
from pointsman.core.features import view_request
from pointsman_gateway.api.decisions.decide import EXAMPLE_CONTEXT
from pointsman_gateway.api.outcomes.log import append_outcome
from pointsman_gateway.backends import Backends
from pointsman_gateway.chat.request.features import ChatFeatures
from pointsman_gateway.chat.request.text_contexts import text_contexts
from pointsman_gateway.chat.request.tier_features import TierFeaturesReader
from pointsman_gateway.http.endpoint import AnswerType, HttpEndpoint
from pointsman_gateway.http.request import decode_body, read_body
from pointsman_gateway.http.response import HttpResponse

AT_ONCE = 100
"""Rows that are appended at the same time."""
_MEASUREMENTS = ("quality", "cost_usd", "latency_ms", "reward", "propensity")
_SOURCE = "9f86d081884c7d659a2feaa0c55ad015"
_EXAMPLES = {
    "a judged answer": {
        "tier": "SIMPLE",
        "source": _SOURCE,
        "rows": [
            {"row": 0, "provider": "ollama", "model": "llama3.2", "prompt": "Why is the sky blue?", "quality": 90}
        ],
    },
    "a context": {
        "tier": "SIMPLE",
        "source": _SOURCE,
        "rows": [{"row": 0, "provider": "ollama", "model": "llama3.2", "context": EXAMPLE_CONTEXT, "reward": 71.5}],
    },
}


class ImportHandler:
    """Accepts imported outcomes."""

    def __init__(self, backends: Backends, features: ChatFeatures, tier_features: TierFeaturesReader) -> None:
        self._backends = backends
        self._features = features
        self._tier_features = tier_features
        self._max_bytes = backends.config.llm.max_body_bytes
        self._timeout_s = backends.config.gateway.log_timeout_ms / 1000.0

    @HttpEndpoint(
        "POST /v1/import",
        name="importOutcomes",
        tag="decisions",
        scope="admin",
        hot=True,
        long_body=True,
        summary="Learn from results that were measured elsewhere",
        description="All rows or, after a 503, some of them are learned from; send them again then. A row counts once: "
        "`source` and `row` identify it. Imported outcomes change what the arms have learned; reports about shadow "
        "policies and the record of an arm leave them out, because no policy decided.",
        body=ImportRequest,
        examples=_EXAMPLES,
        answers={200: AnswerType("The rows are in the log", ImportAccepted, {"accepted": 1, "extractor": "chat/2"})},
        problems=(404, 503),
    )
    async def post(self, scope: Scope, receive: Receive) -> HttpResponse:
        """Answer one request."""
        body = decode_body(import_decoder, await read_body(scope, receive, self._max_bytes))
        return HttpResponse(200, encode(await self._import(body)))

    async def _import(self, body: ImportRequest) -> ImportAccepted:
        self._check_arms(body)
        contexts, extractor = await self._contexts(body)
        if body.dry_run:
            return ImportAccepted(accepted=len(body.rows), extractor=extractor)
        bus = self._backends.require_stream(subjects.OUTCOMES)
        outcomes = list(self._outcomes(body, contexts))
        for at in range(0, len(outcomes), AT_ONCE):
            appended = [append_outcome(bus, outcome, self._timeout_s) for outcome in outcomes[at : at + AT_ONCE]]
            await asyncio.gather(*appended)
        return ImportAccepted(accepted=len(outcomes), extractor=extractor)

    def _check_arms(self, body: ImportRequest) -> None:
        self._backends.require_tier(body.tier)
        arms = self._backends.tiers[body.tier]
        for at, row in enumerate(body.rows):
            arm = Arm(row.provider, row.model)
            if arms and arm not in arms:
                raise InvalidMessage(f"rows[{at}]", f"{str(arm)[:80]!r} is not an arm of tier {body.tier}")

    async def _contexts(self, body: ImportRequest) -> tuple[list[list[float]], str | None]:
        """Return the context of each row, and the extractor of texts."""
        kind, config = check_rows(body.rows), self._backends.config.context
        if kind == "context":
            contexts = []
            for at, row in enumerate(body.rows):
                try:
                    contexts.append(conform(row.context or [], config.dim, config.mismatch))
                except ContextError as error:
                    raise InvalidMessage(f"rows[{at}].context", str(error)) from error
            return contexts, None
        texts = await text_contexts(self._backends, self._features, self._tier_features, body.tier, f"rows[0].{kind}")
        return [
            texts.of(view_request({"messages": messages}, "openai")) for messages in _messages(body.rows)
        ], texts.label

    def _outcomes(self, body: ImportRequest, contexts: list[list[float]]) -> Iterator[Outcome]:
        now_ms, rule = int(time.time() * 1000), self._backends.rules.rule(body.tier)
        for row, context in zip(body.rows, contexts, strict=True):
            id_ = imported_id(body.tier, body.source, row.row)
            yield Outcome(
                decision_id=str(id_),
                tier=body.tier,
                provider=row.provider,
                model=row.model,
                decision_sequence=id_.sequence or 0,
                context=context,
                accepted_at_ms=now_ms,
                rule=rule,
                imported=body.source,
                **{name: getattr(row, name) for name in _MEASUREMENTS},
            )


def _messages(rows: list[ImportedRow]) -> Iterator[list[dict[str, object]]]:
    for at, row in enumerate(rows):
        check_nesting(row.messages, f"rows[{at}].messages")
        if row.messages == []:
            raise InvalidMessage(f"rows[{at}].messages", "expected at least one message")
        yield row.messages or [{"role": "user", "content": row.prompt}]
