"""Imported outcomes: results that were measured elsewhere, and are learned from like outcomes of decisions.

No decision was made for them, so their ids are none of the decision log: the sequence is `IMPORTED` or above, and
follows from the file and the row. The same row of the same file therefore counts once, however often it is sent.
Shadow policies and reports are about decisions, and leave imported outcomes out.
"""

import hashlib
from typing import Annotated, Any

import msgspec

from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.contracts.messages.ids import DecisionId
from pointsman.core.bounds import CostUsd, LatencyMs, Points

IMPORTED = 2**52
"""Least sequence of an imported outcome. Sequences of decisions are microseconds since 1970 plus a count: below until
the year 2112."""
BLOCK = 2**16
"""Rows of a file with adjacent sequences: as many as the applied bits keep in one key."""
MAX_ROWS = 1000
INPUTS = ("context", "prompt", "messages")

Source = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]


class ImportedRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The result of one model on one request: one of context, prompt and messages; and measurements or a reward.

    Attributes
    ----------
    row: Number of the result in its file; the same result must always have the same number.
    prompt: Text of a user.
    messages: A conversation, as in ``POST /v1/chat/completions``.
    propensity: Probability with which the arm had been chosen, if known. It is recorded, and not used.
    quality, cost_usd, latency_ms, reward: As in an outcome.
    """

    row: Annotated[int, msgspec.Meta(ge=0, lt=2**40)]
    provider: str
    model: str
    context: list[float] | None = None
    prompt: str | None = None
    messages: list[dict[str, Any]] | None = None
    propensity: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    quality: Points | None = None
    cost_usd: CostUsd | None = None
    latency_ms: LatencyMs | None = None
    reward: Points | None = None


class ImportRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of ``POST /v1/import``.

    Attributes
    ----------
    source: Identifies the file: 32 hexadecimal digits, such as a digest of its content.
    dry_run: Check the rows, and learn nothing.
    """

    tier: str
    source: Source
    rows: Annotated[list[ImportedRow], msgspec.Meta(min_length=1, max_length=MAX_ROWS)]
    dry_run: bool = False


class ImportAccepted(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to ``POST /v1/import``.

    Attributes
    ----------
    accepted: Number of rows that are in the log and will be learned from, once each, also if they were sent before.
        With ``dry_run``, of the rows that are valid.
    extractor: Name and version of the extractor of the contexts; None when the rows have contexts.
    """

    accepted: int
    extractor: str | None = None


def imported_id(tier: str, source: str, row: int) -> DecisionId:
    """Return the id of a row of a file: the same for the same file and row, and different for all others.

    Rows of a block have adjacent sequences. Two blocks have the same ones with a probability of 2⁻³⁶.
    """
    block, place = divmod(row, BLOCK)
    digest = hashlib.blake2b(f"{source}:{block}".encode(), digest_size=16).hexdigest()
    return DecisionId(tier, IMPORTED + (int(digest[:9], 16) * BLOCK | place), digest[16:])


def is_imported(sequence: int) -> bool:
    """Return whether the sequence of a decision is that of an imported outcome."""
    return sequence >= IMPORTED


def check_rows(rows: list[ImportedRow]) -> str:
    """Return which of `INPUTS` all rows have.

    Raises
    ------
    InvalidMessage
        A row has none or several of them, or another one than the first; or both measurements and a reward, or neither.
    """
    first = ""
    for at, row in enumerate(rows):
        given = [name for name in INPUTS if getattr(row, name) is not None]
        if len(given) != 1 or (first and given != [first]):
            raise InvalidMessage(f"rows[{at}]", "expected one of context, prompt and messages, the same in every row")
        first = given[0]
        measured = [name for name in ("quality", "cost_usd", "latency_ms") if getattr(row, name) is not None]
        if bool(measured) == (row.reward is not None):
            raise InvalidMessage(f"rows[{at}]", "expected quality, cost_usd or latency_ms, or else reward")
    return first


import_decoder = msgspec.json.Decoder(ImportRequest)
