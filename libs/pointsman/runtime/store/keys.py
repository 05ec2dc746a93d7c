"""Keys in Redis; no other module spells one out.

``{<tier>}`` is a hash tag: all keys of a tier are in one slot of a Redis Cluster, so that one script can change them.
"""

from pointsman.core.bandit import Arm

APPLIED_CHUNK = 65_536
"""Decisions in one chunk of the applied bitmap: 8 KB."""

OUTCOME_CHUNK = 128
"""Decisions in one chunk of the outcome index: few enough for Redis' compact encoding of a hash."""

PICK_CHUNK = 128
"""Decisions in one chunk of a shadow policy's picks: few enough for Redis' compact encoding of a hash."""

ANY_TIER = "tier:{*}"
"""Pattern that every `tier` key matches."""


def tier(name: str) -> str:
    """Hash: watermark, epoch, generation, as_of_ms, ranges, and the version of each arm."""
    return f"tier:{{{name}}}"


def arm(tier_name: str, which: Arm) -> str:
    """Hash: A, b, n, and the sums of one arm."""
    return f"arm:{{{tier_name}}}:{which.provider}:{which.model}"


def arm_prefix(tier_name: str) -> str:
    """Prefix of `arm`; scripts append the arm."""
    return f"arm:{{{tier_name}}}:"


def applied(tier_name: str, chunk: int) -> str:
    """Bitmap: which decisions of a chunk have an applied outcome."""
    return f"applied:{{{tier_name}}}:{chunk}"


def applied_bit(sequence: int) -> int:
    """Offset of a decision in its bitmap."""
    return sequence % APPLIED_CHUNK


def outcome(tier_name: str, sequence: int) -> str:
    """Hash: for the decisions of a chunk, the outcome's sequence and its reward."""
    return f"outcome:{{{tier_name}}}:{sequence // OUTCOME_CHUNK}"


def outcome_field(sequence: int) -> str:
    """Field of a decision in its hash."""
    return str(sequence % OUTCOME_CHUNK)


def lease(role: str, tier_name: str) -> str:
    """String: the process that works on the tier in a role. ``lease:{<tier>}`` is the reward-updater's."""
    return f"lease:{{{tier_name}}}" if role == "reward-updater" else f"lease:{{{tier_name}}}:{role}"


def settled(tier_name: str) -> str:
    """Hash: the watermark of a tier's feedback settler."""
    return f"settled:{{{tier_name}}}"


def response(digest: str) -> str:
    """String with an expiry: the decision behind an answer, by a digest of the answer's id."""
    return f"response:{digest}"


def session(tier_name: str, digest: str) -> str:
    """String with an expiry: the arm that served a conversation last, as ``provider:model``."""
    return f"session:{{{tier_name}}}:{digest}"


def auto_session(digest: str) -> str:
    """String with an expiry: tier and arm of a conversation that names no tier, as ``TIER provider:model``.

    It differs from the key of every tier: names of tiers have no dots.
    """
    return session(".auto", digest)


def shadow_progress(tier_name: str) -> str:
    """Hash: progress of a tier's shadow evaluation. No policy can be called ``@progress``."""
    return f"shadow:{{{tier_name}}}:@progress"


def shadow_alerts(tier_name: str) -> str:
    """Hash: by kind of alert, the state of the last alert."""
    return f"shadow:{{{tier_name}}}:@alerts"


def shadow_hour(tier_name: str, policy: str, hour: int) -> str:
    """Hash: sums of a shadow policy over one hour, counted from the Unix epoch.

    ``policy`` contains two identities, of the shadow and of the active policy (`hour_sums.comparison_identity`): sums
    with other parameters under the same name are kept apart, and so are those against another active policy.
    """
    return f"shadow:{{{tier_name}}}:{policy}:{hour}"


def shadow_day(tier_name: str, policy: str, day: int) -> str:
    """Hash: sums of all hours of a day (UTC), counted from the Unix epoch; written together with the hours."""
    return f"shadow:{{{tier_name}}}:{policy}:day:{day}"


def shadow_picks(tier_name: str, policy: str, chunk: int) -> str:
    """Hash: for the decisions of a chunk, the distribution of a policy with estimates of its own."""
    return f"shadow:{{{tier_name}}}:{policy}:picks:{chunk}"


def pick_chunk(sequence: int) -> int:
    """Chunk of a decision's pick."""
    return sequence // PICK_CHUNK


def pick_field(sequence: int) -> str:
    """Field of a decision in its chunk."""
    return str(sequence % PICK_CHUNK)


def shadow_learned(tier_name: str, policy: str) -> str:
    """Hash: learned state of a shadow policy with a reward rule of its own, and its watermark."""
    return f"shadow:{{{tier_name}}}:{policy}:learned"


def learned_patterns(tier_name: str) -> list[str]:
    """Patterns that match every key of a tier's learned state except `tier`."""
    return [f"{prefix}:{{{tier_name}}}:*" for prefix in ("arm", "applied", "outcome")]


def applied_pattern(tier_name: str) -> str:
    """Pattern that every `applied` key of a tier matches."""
    return f"applied:{{{tier_name}}}:*"


def chunk_of(name: bytes) -> int:
    """Chunk of an `applied` key."""
    return int(name.rpartition(b":")[2])


def tier_name(name: bytes) -> str:
    """Tier of a `tier` key."""
    return name.decode().removeprefix("tier:{").removesuffix("}")
