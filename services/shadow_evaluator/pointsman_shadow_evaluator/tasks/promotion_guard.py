"""Automatic promotion of a shadow and automatic rollback, from the report and within configured limits."""

import time

from pointsman.contracts.messages.errors import SwitchRefused
from pointsman.contracts.messages.policies import PolicyChangeRecord, PolicySpec, TierPolicies
from pointsman.contracts.messages.switch import promoted, reverted
from pointsman.runtime.bus import WrongSequence
from pointsman.runtime.bus.notices import PROMOTION, publish_promotion
from pointsman.runtime.bus.policies import read_policies, write_policies
from pointsman.runtime.telemetry.logs import logger
from pointsman.shadow.promotion.evidence import evidence_record, read_evidence
from pointsman.shadow.promotion.ruling import Ruling, barrier, rule
from pointsman.shadow.report.messages import PolicyReport
from pointsman_shadow_evaluator.log_reading import SERVICE
from pointsman_shadow_evaluator.tasks.tier_task import TierTask

log = logger("shadow_evaluator.guard")


class PromotionGuard(TierTask):
    """Checks the report of a tier and switches its policies when the limits require it.

    Only the process that evaluates the tier acts. If two believe they do, one change succeeds, because it is written on
    top of an expected version.

    Attributes
    ----------
    last: The result of the last check.
    """

    alert_kind = PROMOTION
    failure = "cannot judge the shadows"
    last = Ruling("none", "", "not checked yet")

    @property
    def interval_s(self) -> float | None:
        """Seconds between two checks; None if nothing is automatic in this tier."""
        settings = self._config.promotion
        return settings.check_s if settings.watches(self.tier) else None

    @property
    def _floor(self) -> float:
        tier = self._config.tier_named(self.tier)
        return 0.0 if tier is None else tier.evidence.floor

    async def check(self) -> Ruling:
        """Judge the shadows once, and switch if that is the ruling.

        Raise `BusError`, `StateError` or `MessageError` if something cannot be read or written; nothing is switched.
        """
        found = await read_policies(self._bus, self.tier)
        if found is None:
            return self._ruled(Ruling("none", "", "no policies yet"))
        version, current = found
        rows = await self._rows(current)
        back = next((spec.name for spec in current.shadows if _was_replaced(current, spec)), None)
        ruling = rule(rows.values(), back, self._config.promotion)
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
            if ruling.action == "promote":
                after = promoted(current, ruling.policy, record, floor=self._floor)
            else:
                after = reverted(current, record)
            version = await write_policies(self._bus, self.tier, after, version)
        except SwitchRefused as error:
            return self._ruled(Ruling("none", ruling.policy, str(error)))
        except WrongSequence:
            return self._ruled(Ruling("none", ruling.policy, "the policies were changed at the same time"))
        log.warning("tier %s: %s of %s, version %d: %s", self.tier, kind, ruling.policy, version, ruling.why)
        self.last = ruling
        await publish_promotion(self._bus, self.tier, version, after, SERVICE)
        return ruling

    async def _rows(self, current: TierPolicies) -> dict[str, PolicyReport]:
        """Return the report on the shadows that a ruling can be about, by name."""
        rows = {}
        for spec in current.shadows:
            barred = "" if _was_replaced(current, spec) else barrier(current, spec, self._config, floor=self._floor)
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


def _was_replaced(current: TierPolicies, spec: PolicySpec) -> bool:
    """Return whether a shadow is the policy that a rollback would restore."""
    return current.replaced is not None and spec.identity == current.replaced.identity
