"""Notices between replicas: which young arms they have pulled, so that the bound on pulls under way is the tier's."""

import secrets
from collections.abc import Mapping

from pointsman.contracts.messages import subjects
from pointsman.contracts.messages.codec import decode, encode
from pointsman.contracts.messages.errors import MessageError
from pointsman.contracts.messages.notices import ArmsPulled, pulls_decoder
from pointsman.core.bandit import Arm, ArmError
from pointsman.runtime.bus import Bus, BusError, Message
from pointsman.runtime.telemetry.logs import logger
from pointsman_decision.tier import Tier

log = logger("decision.pulls")


class PullNotices:
    """Publish this replica's pulls of young arms, and count those of the other replicas.

    A lost notice is a pull that the other replicas do not count. There are none of grown arms, nor above the bounds.
    """

    def __init__(self, bus: Bus, tiers: Mapping[str, Tier]) -> None:
        self._bus = bus
        self._tiers = tiers
        self._replica = secrets.token_hex(8)

    async def subscribe(self) -> None:
        """Begin to receive the notices."""
        await self._bus.subscribe(subjects.ANY_PULLS, self._on_notice)

    async def publish(self, tier: Tier) -> None:
        """Publish the pulls of a tier that were not published yet."""
        arms = tier.under_way.take_unannounced()
        if not arms:
            return
        notice = ArmsPulled(tier=tier.name, replica=self._replica, arms=[str(arm) for arm in arms])
        try:
            await self._bus.publish(subjects.pulls(tier.name), encode(notice))
        except BusError as error:
            log.debug("cannot publish pulls: %s", error)

    async def _on_notice(self, message: Message) -> None:
        try:
            notice = decode(pulls_decoder, message.data)
            arms = [Arm.parse(arm) for arm in notice.arms]
        except (MessageError, ArmError) as error:
            log.warning("notice on %s: %s", message.subject, error)
            return
        tier = self._tiers.get(notice.tier)
        if tier is not None and notice.replica != self._replica:
            for arm in arms:
                tier.under_way.add_remote(arm)
