"""``POST /v1/policies/{tier}/promote`` and ``/revert``: switching what serves, on the record."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.errors import InvalidMessage, NoSuchShadow, SwitchRefused
from pointsman.contracts.messages.policies import (
    PolicyChangeRecord,
    PolicySpec,
    PromotionRequest,
    RevertRequest,
    TierPolicies,
    promotion_decoder,
    revert_decoder,
)
from pointsman.contracts.messages.switch import find_shadow, promoted, reverted
from pointsman.runtime.bus import BusError, WrongSequence
from pointsman.runtime.bus.alerts import publish_promotion
from pointsman.runtime.bus.policies import write_policies
from pointsman.runtime.store.errors import StateError
from pointsman.runtime.telemetry.logs import logger
from pointsman.shadow.promotion.evidence import evidence_record, read_evidence
from pointsman_gateway.api.policies import (
    ATTEMPTS,
    being_changed,
    check_policy,
    configured_classes,
    current_policies,
    policies_view,
)
from pointsman_gateway.backends import Backends
from pointsman_gateway.http.authentication import caller_name
from pointsman_gateway.http.body import decode_body, read_body
from pointsman_gateway.http.problems import ProblemError
from pointsman_gateway.http.query import read_query
from pointsman_gateway.http.response import HttpResponse

log = logger("gateway.promotion")

SERVICE = "gateway"
MAX_WHY = 1000
MAX_PERSON = 64

Switch = Callable[[TierPolicies, PolicyChangeRecord], tuple[TierPolicies, PolicySpec]]
"""From the policies in force to those afterwards, and the shadow whose row in the report is the evidence."""


class Promotion:
    """Promotes a shadow, and takes a promotion back.

    Parameters
    ----------
    backends : Backends
    """

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self._config = backends.config
        self._allowed_classes = configured_classes(self._config)

    async def promote(self, request: Request) -> Response:
        """Make a shadow the active policy; what served goes on as a shadow."""
        tier, body = await self._read(request)
        wanted = decode_body(promotion_decoder, body)
        _check_record(wanted)

        def switch(current: TierPolicies, record: PolicyChangeRecord) -> tuple[TierPolicies, PolicySpec]:
            shadow = find_shadow(current, wanted.policy)
            check_policy(shadow, "policy", self._allowed_classes)
            return promoted(current, wanted.policy, record), shadow

        return await self._switch(request, tier, "promote", wanted, switch)

    async def revert(self, request: Request) -> Response:
        """Put the policy back that the last promotion replaced; what was promoted goes on as a shadow."""
        tier, body = await self._read(request)
        wanted = decode_body(revert_decoder, body or b"{}")
        _check_record(wanted)

        def switch(current: TierPolicies, record: PolicyChangeRecord) -> tuple[TierPolicies, PolicySpec]:
            after = reverted(current, record)
            check_policy(after.active, "policy", self._allowed_classes)
            return after, after.active

        return await self._switch(request, tier, "revert", wanted, switch)

    async def _read(self, request: Request) -> tuple[str, bytes]:
        read_query(request, frozenset())
        tier = self._backends.require_tier(request.path_params["tier"])
        return tier, await read_body(request.scope, request.receive, self._config.gateway.max_body_bytes)

    async def _switch(
        self, request: Request, tier: str, kind: str, wanted: PromotionRequest | RevertRequest, switch: Switch
    ) -> Response:
        bus = self._backends.require_bus()
        for _ in range(ATTEMPTS):
            version, current = await current_policies(self._backends, bus, tier)
            if wanted.version is not None and wanted.version != version:
                raise ProblemError(409, f"expected version {wanted.version}, the tier is at {version}", "version")
            record = PolicyChangeRecord(
                at_ms=int(time.time() * 1000),
                kind=kind,
                by=caller_name(request.scope),
                person=wanted.person,
                why=wanted.why,
            )
            try:
                after, judged = switch(current, record)
            except NoSuchShadow as error:
                raise ProblemError(404, str(error), "policy") from error
            except SwitchRefused as error:
                raise ProblemError(409, str(error)) from error
            after = await self._with_evidence(tier, current, after, judged)
            try:
                version = await write_policies(bus, tier, after, version)
            except WrongSequence:
                continue  # somebody else was first: look at what there is now
            log.info("tier %s: %s by %s: %s serves, version %d", tier, kind, record.by, after.active.name, version)
            try:
                await publish_promotion(bus, tier, version, after, SERVICE)
            except BusError as error:  # it is in force, and on the record
                log.warning("tier %s: version %d could not be announced: %s", tier, version, error)
            return HttpResponse(200, encode(policies_view(tier, version, after))).response()
        raise being_changed()

    async def _with_evidence(
        self, tier: str, current: TierPolicies, after: TierPolicies, judged: PolicySpec
    ) -> TierPolicies:
        """Put the report's row on the record. A switch does not wait for a store that is gone."""
        assert after.change is not None  # `switch` has made it
        row, why = None, f"{judged.name} does not run in shadow"
        try:
            row = await read_evidence(self._backends.store, self._config, tier, current, judged)
        except StateError as error:
            why = f"the report could not be made: {error}"
        told = {"evidence": evidence_record(row)} if row is not None else {"no_evidence": why}
        return msgspec.structs.replace(after, change=msgspec.structs.replace(after.change, **told))


def _check_record(wanted: PromotionRequest | RevertRequest) -> None:
    if len(wanted.why) > MAX_WHY:
        raise InvalidMessage("why", f"expected at most {MAX_WHY} characters, got {len(wanted.why)}")
    if len(wanted.person) > MAX_PERSON or not wanted.person.isprintable():
        raise InvalidMessage("person", f"expected at most {MAX_PERSON} printable characters")
