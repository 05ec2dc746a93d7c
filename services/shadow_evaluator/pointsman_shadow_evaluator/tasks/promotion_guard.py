"""Promoting a shadow, and taking a promotion back, without a person: by the report, within configured bounds."""

from __future__ import annotations

import time
from collections.abc import Callable

from pointsman.contracts.config import Config
from pointsman.contracts.messages.errors import SwitchRefused
from pointsman.contracts.messages.policies import PolicyChangeRecord, PolicySpec, TierPolicies
from pointsman.contracts.messages.switch import promoted, reverted
from pointsman.runtime.bus import Bus, WrongSequence
from pointsman.runtime.bus.alerts import publish_promotion
from pointsman.runtime.bus.policies import read_policies, write_policies
from pointsman.runtime.store.store import Store
from pointsman.runtime.telemetry.logs import logger
from pointsman.shadow.promotion.evidence import evidence_record, read_evidence
from pointsman.shadow.promotion.ruling import Ruling, barrier, rule
from pointsman.shadow.report.messages import PolicyReport
from pointsman_shadow_evaluator.patrol import patrol

log = logger("shadow_evaluator.guard")

SERVICE = "shadow-evaluator"


class PromotionGuard:
    """Looks at one tier's report again and again, and switches what serves when the bounds say so.

    It acts only while this process follows the tier. Should two think so at once, the version that a change is written
    on top of lets one of them through.

    Parameters
    ----------
    bus : Bus
    store : Store
    tier : str
    config : Config
    following : callable
        Tells whether this process follows the tier now.
    """

    def __init__(self, bus: Bus, store: Store, tier: str, config: Config, following: Callable[[], bool]) -> None:
        self._bus = bus
        self._store = store
        self._config = config
        self._settings = config.promotion
        self._following = following
        self.tier = tier
        self.last = Ruling("none", "", "not looked yet")
        """What the last look came to."""

    async def run(self) -> None:
        """Look every ``[promotion] check_s`` until cancelled; never where nothing is automatic."""
        every_s = self._settings.check_s if self._settings.watches(self.tier) else None
        await patrol(self.tier, self.look, every_s, self._following, "not judged")

    async def look(self) -> Ruling:
        """Judge the shadows once, and switch if that is the ruling.

        Raises
        ------
        BusError, StateError, MessageError
            When something cannot be read or written. Nothing is switched then.
        """
        found = await read_policies(self._bus, self.tier)
        if found is None:
            return self._ruled(Ruling("none", "", "no policies yet"))
        version, current = found
        rows = await self._rows(current)
        back = next((spec.name for spec in current.shadows if _comes_back(current, spec)), None)
        ruling = rule(rows.values(), back, self._settings)
        if ruling.action == "none":
            return self._ruled(ruling)
        kind = "automatic-promote" if ruling.action == "promote" else "automatic-revert"
        record = PolicyChangeRecord(
            at_ms=int(time.time() * 1000),
            kind=kind,
            by=SERVICE,
            why=ruling.why,
            evidence=evidence_record(rows[ruling.policy]),
        )
        try:
            after = (
                promoted(current, ruling.policy, record) if ruling.action == "promote" else reverted(current, record)
            )
            version = await write_policies(self._bus, self.tier, after, version)
        except SwitchRefused as error:
            return self._ruled(Ruling("none", ruling.policy, str(error)))
        except WrongSequence:
            return self._ruled(Ruling("none", ruling.policy, "the policies were changed meanwhile"))
        log.warning("tier %s: %s of %s, version %d: %s", self.tier, kind, ruling.policy, version, ruling.why)
        self.last = ruling
        await publish_promotion(self._bus, self.tier, version, after, SERVICE)
        return ruling

    async def _rows(self, current: TierPolicies) -> dict[str, PolicyReport]:
        """Return the report on the shadows that a ruling can be about, by name."""
        rows = {}
        for spec in current.shadows:
            barred = "" if _comes_back(current, spec) else barrier(current, spec, self._config)
            if barred:
                log.debug("tier %s: %s is no candidate: %s", self.tier, spec.name, barred)
                continue
            row = await read_evidence(self._store, self._config, self.tier, current, spec)
            if row is not None:
                rows[spec.name] = row
        return rows

    def _ruled(self, ruling: Ruling) -> Ruling:
        if ruling != self.last:
            log.debug("tier %s: %s %s: %s", self.tier, ruling.action, ruling.policy, ruling.why)
        self.last = ruling
        return ruling


def _comes_back(current: TierPolicies, spec: PolicySpec) -> bool:
    """Tell whether a shadow is the policy that a reversion would put back."""
    return current.replaced is not None and spec.identity == current.replaced.identity
