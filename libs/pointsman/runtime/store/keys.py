"""Every key in Redis. Nothing else in the code base spells one out.

``{<tier>}`` is a hash tag: all keys of a tier are in one slot of a Redis Cluster, so that a script may change them
together.
"""

from __future__ import annotations

from pointsman.core.bandit import Arm

APPLIED_CHUNK = 65_536
"""Decisions in one chunk of the applied bitmap: 8 KB."""

OUTCOME_CHUNK = 128
"""Decisions in one chunk of the outcome index: small enough for Redis' compact encoding of a hash."""

PICK_CHUNK = 128
"""Decisions in one chunk of a shadow policy's picks: small enough for Redis' compact encoding of a hash."""

ARM_FIELD = "arm:"
"""Prefix of the fields of the tier's hash that list its arms with their versions."""


ANY_TIER = "tier:{*}"
"""Pattern that every `tier` key matches."""


def tier(name: str) -> str:
    """Hash: watermark, epoch, generation, as_of_ms, ranges, and the version of each arm."""
    return f"tier:{{{name}}}"


def arm(tier_name: str, which: Arm) -> str:
    """Hash: A, b, n, and the sums of one arm."""
    return f"arm:{{{tier_name}}}:{which.provider}:{which.model}"


def arm_prefix(tier_name: str) -> str:
    """What `arm` begins with; scripts add the arm."""
    return f"arm:{{{tier_name}}}:"


def applied(tier_name: str, chunk: int) -> str:
    """Bitmap: which decisions of a chunk have an applied outcome."""
    return f"applied:{{{tier_name}}}:{chunk}"


def applied_bit(sequence: int) -> int:
    """Return the decision's place in its bitmap."""
    return sequence % APPLIED_CHUNK


def outcome(tier_name: str, sequence: int) -> str:
    """Hash: for the decisions of a chunk, where the outcome is and what reward it got."""
    return f"outcome:{{{tier_name}}}:{sequence // OUTCOME_CHUNK}"


def outcome_field(sequence: int) -> str:
    """Return the decision's field in its hash."""
    return str(sequence % OUTCOME_CHUNK)


def lease(role: str, tier_name: str) -> str:
    """String: which process writes for the tier now. ``lease:{<tier>}`` is the reward-updater's."""
    return f"lease:{{{tier_name}}}" if role == "reward-updater" else f"lease:{{{tier_name}}}:{role}"


def settled(tier_name: str) -> str:
    """Hash: how far the settler of a tier has read what waits for feedback."""
    return f"settled:{{{tier_name}}}"


def response(digest: str) -> str:
    """String, with a time to live: the decision behind an answer, by a digest of the answer's id."""
    return f"response:{digest}"


def session(tier_name: str, digest: str) -> str:
    """String, with a time to live: the arm that served a conversation last, as ``provider:model``."""
    return f"session:{{{tier_name}}}:{digest}"


def auto_session(digest: str) -> str:
    """Return the key of a conversation that names no tier: a string, the tier and the arm, as ``TIER provider:model``.

    It cannot be taken for a tier's: the names of tiers have no dots.
    """
    return session(".auto", digest)


def shadow_progress(tier_name: str) -> str:
    """Hash: how far the shadow evaluation of a tier has read the log. No policy can be called ``@progress``."""
    return f"shadow:{{{tier_name}}}:@progress"


def shadow_alerts(tier_name: str) -> str:
    """Hash: by kind of alert, the state that was last alerted about."""
    return f"shadow:{{{tier_name}}}:@alerts"


def shadow_hour(tier_name: str, policy: str, hour: int) -> str:
    """Hash: a shadow policy's sums over one hour; ``hour`` counts from the Unix epoch.

    ``policy`` has two identities in it, the shadow's and the active policy's (`hour_sums.against`): sums of other
    parameters under the same name are other sums, and so are those against another active policy.
    """
    return f"shadow:{{{tier_name}}}:{policy}:{hour}"


def shadow_day(tier_name: str, policy: str, day: int) -> str:
    """Hash: the sums of all hours of a day (UTC), which counts from the Unix epoch; written with them."""
    return f"shadow:{{{tier_name}}}:{policy}:day:{day}"


def shadow_picks(tier_name: str, policy: str, chunk: int) -> str:
    """Hash: for the decisions of a chunk, the distribution of a policy with estimates of its own."""
    return f"shadow:{{{tier_name}}}:{policy}:picks:{chunk}"


def pick_chunk(sequence: int) -> int:
    """Return the chunk that a decision's pick is in."""
    return sequence // PICK_CHUNK


def pick_field(sequence: int) -> str:
    """Return the decision's field in its chunk."""
    return str(sequence % PICK_CHUNK)


def shadow_learned(tier_name: str, policy: str) -> str:
    """Hash: all that a shadow policy with a rule of its own has learned, and from how much of the log."""
    return f"shadow:{{{tier_name}}}:{policy}:learned"


def learned_patterns(tier_name: str) -> list[str]:
    """Return patterns that match every key of what a tier has learned, but for `tier` itself."""
    return [f"{prefix}:{{{tier_name}}}:*" for prefix in ("arm", "applied", "outcome")]


def applied_pattern(tier_name: str) -> str:
    """Return the pattern that every `applied` key of a tier matches."""
    return f"applied:{{{tier_name}}}:*"


def chunk_of(name: bytes | str) -> int:
    """Return the number of the chunk that an `applied` key is for."""
    text = name if isinstance(name, str) else name.decode()
    return int(text.rpartition(":")[2])


def tier_name(name: bytes | str) -> str:
    """Return the tier that a `tier` key is for."""
    text = name if isinstance(name, str) else name.decode()
    return text.removeprefix("tier:{").removesuffix("}")
