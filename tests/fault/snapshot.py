"""What the store holds of a tier, and what it must hold: both as keys and bytes."""

from __future__ import annotations

from typing import Any

from pointsman.learning.applied_bits import AppliedBits
from pointsman.learning.ledger import Applied, TierLedger, read_outcome
from pointsman.learning.tier_store import OutcomeIndexEntry, encode_arm, encode_ranges
from pointsman.runtime.store import keys
from tests.fault.raw_log import Stream
from tests.fault.servers import store_client

Contents = dict[str, dict[str, bytes] | bytes]
"""A hash, or a bitmap without the zeros at its end, by key."""


async def stored(url: str, tier: str) -> Contents:
    """Return every key of a tier; leases and the shadow report's sums are not part of what was learned."""
    client = store_client(url)
    try:
        names = [keys.tier(tier)]
        for pattern in keys.learned_patterns(tier):
            names += [_bytes(name).decode() async for name in client.scan_iter(pattern, count=1000)]
        contents: Contents = {}
        for name in names:
            if name.startswith("applied:"):
                bits = await client.get(name)
                contents[name] = _bytes(bits or b"").rstrip(b"\0")
            else:
                fields = await client.hgetall(name)
                contents[name] = {_bytes(field).decode(): _bytes(value) for field, value in fields.items()}
        return contents
    finally:
        await client.aclose()


def expected(stream: Stream, tier: str) -> Contents:
    """Return what a sequential replay of the log leaves, through the code that the updater uses."""
    ledger = TierLedger(bits=AppliedBits(complete=True))
    entries: dict[str, dict[str, bytes]] = {}
    for message in stream.messages:
        if message.subject != f"outcomes.{tier}":
            continue
        read = read_outcome(message.subject, message.data, message.sequence, message.at_ns // 1_000_000)
        result = ledger.apply(read)
        if isinstance(result, Applied):
            decision = result.outcome.decision_sequence
            index = entries.setdefault(keys.outcome(tier, decision), {})
            index[keys.outcome_field(decision)] = OutcomeIndexEntry(
                result.sequence, result.reward.value / 100.0
            ).encode()
    head = {
        "epoch": stream.created.encode(),
        "watermark": b"%d" % ledger.watermark,
        "ranges": encode_ranges(ledger.learner.state()),
        "decision_high": b"%d" % ledger.decision_high,
        "watermark_at_ms": b"%d" % ledger.watermark_at_ms,
    }
    contents: Contents = {keys.tier(tier): head, **entries}
    for arm, state in ledger.learner.arms.items():
        head[f"arm:{arm}"] = b"%d" % state.version
        contents[keys.arm(tier, arm)] = {name: _bytes(value) for name, value in encode_arm(state).items()}
    for chunk in ledger.bits.held():
        contents[f"applied:{{{tier}}}:{chunk}"] = ledger.bits.chunk(chunk)
    return contents


def differences(found: Contents, wanted: Contents) -> list[str]:
    """Return where the two differ, by key and field. ``as_of_ms`` and ``generation`` are not the log's."""
    problems = []
    for name in sorted(found.keys() | wanted.keys()):
        have, want = found.get(name), wanted.get(name)
        if isinstance(have, dict) and isinstance(want, dict):
            fields = sorted((have.keys() | want.keys()) - {"as_of_ms", "generation"})
            wrong = [field for field in fields if have.get(field) != want.get(field)]
            problems += [f"{name} {field}: {_shown(have.get(field))}, not {_shown(want.get(field))}" for field in wrong]
        elif have != want:
            problems.append(f"{name}: {_shown(have)}, not {_shown(want)}")
    return problems


def _bytes(value: bytes | str) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
