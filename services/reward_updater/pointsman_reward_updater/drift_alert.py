"""Alert about an arm whose reward, cost or latency has changed."""

from datetime import UTC, datetime

from pointsman.core.bandit import Alarm
from pointsman.learning.ledger import Applied
from pointsman.runtime.bus import Bus
from pointsman.runtime.bus.notices import publish_alert
from pointsman.runtime.telemetry import metrics
from pointsman_reward_updater.publishing import SERVICE

DRIFT = "drift"


async def publish_drift(bus: Bus, tier: str, item: Applied, alarm: Alarm) -> None:
    """Raise the alert about the arm of an outcome; a repetition within two minutes is dropped as a duplicate."""
    scale = 100.0 if alarm.signal == "reward" else 1.0
    detail = {
        "arm": str(item.arm),
        "signal": alarm.signal,
        "before": alarm.before * scale,
        "after": alarm.after * scale,
        "outcomes": alarm.outcomes,
        "since_ms": alarm.since_ms,
        "outcome_sequence": item.sequence,
    }
    text = f"tier {tier}: {item.arm} {describe_drift(alarm)}"
    await publish_alert(
        bus, DRIFT, tier, text, SERVICE, detail=detail, headers={"Nats-Msg-Id": f"{DRIFT}.{tier}.{item.sequence}"}
    )
    metrics.drift_alarms.labels(tier, alarm.signal).inc()


def describe_drift(alarm: Alarm) -> str:
    """Return what an arm does differently: a part of a sentence that begins with the arm."""
    before, after = alarm.before, alarm.after
    more = after > before
    match alarm.signal:
        case "reward":
            what = f"{'earns more' if more else 'earns less'}: a mean reward of {after * 100.0:.0f} of 100"
            was, change = f"{before * 100.0:.0f} was expected", f"{(after - before) * 100.0:+.0f} points"
        case "cost":
            what = f"{'costs more' if more else 'costs less'}: ${after:.2g} a request"
            was, change = f"${before:.2g} before", _factor(before, after)
        case _:
            what = f"is {'slower' if more else 'faster'}: {after:,.0f} ms"
            was, change = f"{before:,.0f} ms before", _factor(before, after)
    since = datetime.fromtimestamp(alarm.since_ms / 1000.0, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return (
        f"{what} in the last {alarm.outcomes} outcomes, since {since}; {was} ({change}). "
        "What was learned about it has been corrected"
    )


def _factor(before: float, after: float) -> str:
    if before <= 0.0 or after <= 0.0:
        return "from or to 0"
    return f"× {after / before:.1f}" if after > before else f"÷ {before / after:.1f}"
