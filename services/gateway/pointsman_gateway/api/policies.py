"""``GET /v1/policies`` and ``PUT /v1/policies/{tier}``: which policy is live in a tier, and which run in shadow."""

from __future__ import annotations

import time

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pointsman.contracts.config import Config
from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.errors import InvalidMessage
from pointsman.contracts.messages.policies import (
    MAX_SHADOWS,
    PolicyChange,
    PolicyChangeRecord,
    PolicySpec,
    TierPolicies,
    change_decoder,
)
from pointsman.contracts.messages.policy_check import setting_problems
from pointsman.contracts.messages.subjects import check_name
from pointsman.contracts.messages.switch import changed
from pointsman.core.bandit import ALGORITHMS, PolicyError, make_policy
from pointsman.runtime.bus import Bus, PoliciesUnreadable, WrongSequence
from pointsman.runtime.bus.policies import configured, read_policies, write_policies
from pointsman.runtime.telemetry.logs import logger
from pointsman_gateway.api.views import PolicyList, TierPoliciesView
from pointsman_gateway.backends import Backends
from pointsman_gateway.http.authentication import caller_name
from pointsman_gateway.http.body import decode_body, read_body
from pointsman_gateway.http.problems import ProblemError
from pointsman_gateway.http.query import read_query
from pointsman_gateway.http.response import HttpResponse

log = logger("gateway.policies")

ATTEMPTS = 5
"""How often a change is put on top of somebody else's."""


class Policies:
    """Shows and changes policies.

    Parameters
    ----------
    backends : Backends
    """

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self._config = backends.config
        self._allowed_classes = configured_classes(self._config)

    async def get(self, request: Request) -> Response:
        """Answer with the policies of all tiers."""
        read_query(request, frozenset())
        bus = self._backends.require_bus()
        views = [
            policies_view(tier, *await current_policies(self._backends, bus, tier)) for tier in self._backends.tiers
        ]
        return HttpResponse(200, encode(PolicyList(policies=views))).response()

    async def put(self, request: Request) -> Response:
        """Change what a tier runs; what the body leaves out stays as it is."""
        read_query(request, frozenset())
        tier = self._backends.require_tier(request.path_params["tier"])
        body = await read_body(request.scope, request.receive, self._config.gateway.max_body_bytes)
        change = decode_body(change_decoder, body)
        check_change(change, self._allowed_classes)
        bus = self._backends.require_bus()
        for _ in range(ATTEMPTS):
            try:
                version, current = await current_policies(self._backends, bus, tier)
            except PoliciesUnreadable as error:  # what cannot be read can be replaced all the same
                version, current = error.version, _configured(self._backends, tier)
            wanted = msgspec.structs.replace(
                current,
                active=change.active or current.active,
                shadows=current.shadows if change.shadows is None else change.shadows,
            )
            record = PolicyChangeRecord(at_ms=int(time.time() * 1000), kind="api", by=caller_name(request.scope))
            wanted = changed(current, wanted, record)
            try:
                version = await write_policies(bus, tier, wanted, version)
            except WrongSequence:
                continue  # somebody else was first: put the change on top of theirs
            log.info("tier %s runs %s, version %d", tier, wanted.active.name, version)
            return HttpResponse(200, encode(policies_view(tier, version, wanted))).response()
        raise being_changed()


async def current_policies(backends: Backends, bus: Bus, tier: str) -> tuple[int, TierPolicies]:
    """Return the version and the policies of a tier: the configured ones, version 0, before any are in force."""
    found = await read_policies(bus, tier)
    return found if found is not None else (0, _configured(backends, tier))


def _configured(backends: Backends, tier: str) -> TierPolicies:
    section = backends.config.tier_named(tier)
    assert section is not None  # every caller has asked require_tier
    return configured(backends.config, section)


def being_changed() -> ProblemError:
    """Return the answer to one who lost every race."""
    return ProblemError(409, "the tier's policies are being changed by others right now; try again")


def configured_classes(config: Config) -> frozenset[str]:
    """Return the ``module:Class`` algorithms that the configuration names."""
    specs = [config.active(tier) for tier in config.tier] + [shadow.spec() for shadow in config.shadow]
    return frozenset(spec.algorithm for spec in specs if _is_class(spec.algorithm))


def check_change(change: PolicyChange, allowed_classes: frozenset[str]) -> None:
    """Raise `InvalidMessage` unless every policy of the change can be run.

    A ``module:Class`` must be one that the configuration names: a request must not make a service import just any
    module.
    """
    if change.active is None and change.shadows is None:
        raise InvalidMessage("", "expected active, shadows or both")
    if change.active is not None:
        check_policy(change.active, "active", allowed_classes)
        if change.active.sample is not None:
            raise InvalidMessage("active.sample", "only a shadow can be run on some of the decisions")
    shadows = change.shadows or []
    if len(shadows) > MAX_SHADOWS:
        raise InvalidMessage("shadows", f"expected at most {MAX_SHADOWS}, got {len(shadows)}")
    for index, spec in enumerate(shadows):
        check_policy(spec, f"shadows[{index}]", allowed_classes)
        if any(spec.name == other.name for other in shadows[:index]):
            raise InvalidMessage(f"shadows[{index}].name", f"the name {spec.name!r} is used twice")


def check_policy(spec: PolicySpec, where: str, allowed_classes: frozenset[str]) -> None:
    """Raise `InvalidMessage` unless the policy can be run."""
    check_name(spec.name, f"{where}.name")
    for name, problem in setting_problems(spec).items():
        raise InvalidMessage(f"{where}.{name}", problem)
    if _is_class(spec.algorithm) and spec.algorithm not in allowed_classes:
        known = ", ".join(ALGORITHMS[:-1])
        raise InvalidMessage(
            f"{where}.algorithm",
            f"expected {known}, or a class that the configuration names; got {spec.algorithm[:80]!r}",
        )
    try:
        make_policy(spec.algorithm, spec.parameters)
    except PolicyError as error:
        part, colon, detail = str(error).partition(": ")
        if part == "algorithm":
            raise InvalidMessage(f"{where}.algorithm", detail) from error
        named = colon and part in spec.parameters
        raise InvalidMessage(
            f"{where}.parameters.{part}" if named else f"{where}.parameters", detail if named else str(error)
        ) from error


def _is_class(algorithm: str) -> bool:
    return ":" in algorithm and not algorithm.startswith("static:")


def policies_view(tier: str, version: int, policies: TierPolicies) -> TierPoliciesView:
    """Return a tier's policies as they are shown."""
    return TierPoliciesView(
        tier=tier,
        version=version,
        active=policies.active,
        shadows=policies.shadows,
        changed_at_ms=policies.changed_at_ms,
        changed_by=policies.changed_by,
        active_since_ms=policies.active_since_ms,
        replaced=policies.replaced,
        reverted=policies.reverted,
        change=policies.change,
    )
