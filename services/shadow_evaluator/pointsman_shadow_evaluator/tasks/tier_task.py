"""Base of the periodic tasks of a tier."""

from abc import ABC, abstractmethod
from typing import ClassVar

from pointsman.contracts.config import Config
from pointsman.runtime.bus import Bus
from pointsman.runtime.store.store import Store
from pointsman_shadow_evaluator.tasks.alert_publisher import AlertPublisher


class TierTask(ABC):
    """A task that the process which evaluates a tier runs at intervals.

    To add a task, write a subclass and add it to ``TASKS`` in ``app.py``.
    """

    alert_kind: ClassVar[str]
    """Kind of the alerts that the task publishes."""
    failure: ClassVar[str]
    """Text of the log line when `check` fails."""

    def __init__(self, bus: Bus, store: Store, tier: str, config: Config) -> None:
        self._bus = bus
        self._store = store
        self._config = config
        self._alerts = AlertPublisher(bus, store, tier, self.alert_kind)
        self.tier = tier

    @property
    @abstractmethod
    def interval_s(self) -> float | None:
        """Seconds between two checks; None if the configuration disables the task."""

    @abstractmethod
    async def check(self) -> object:
        """Run the task once.

        Raises
        ------
        BusError, StateError, MessageError
            It is logged, and the task runs again at the next interval.
        """
