"""Alarms for arms whose reward, cost or latency has changed, and the correction of what they had learned."""

from pointsman.core.bandit.drift.monitor import SIGNALS, Alarm, ArmEstimate, DriftMonitor, Measured, Signal

__all__ = ["SIGNALS", "Alarm", "ArmEstimate", "DriftMonitor", "Measured", "Signal"]
