"""``GET /v1/arms``: what is learned about each arm."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from pointsman.bandit import Arm, ArmState
from pointsman.messages.codec import encode
from services.gateway.backends import Backends
from services.gateway.query import parse_flag, read_query
from services.gateway.replies import Reply
from services.gateway.views import ArmList, ArmView

_PARAMETERS = frozenset({"tier", "matrices"})


class Arms:
    """Lists arms.

    Parameters
    ----------
    backends : Backends
    """

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self._dim = backends.config.context.dim

    async def get(self, request: Request) -> Response:
        """Answer one request."""
        query = read_query(request, _PARAMETERS)
        matrices = parse_flag(query.get("matrices", "false"), "matrices")
        tiers = [self._backends.require_tier(query["tier"])] if "tier" in query else list(self._backends.tiers)
        views: list[ArmView] = []
        for tier in tiers:
            learned = (await self._backends.tier_store(tier).changes()).arms
            for arm in dict.fromkeys((*self._backends.tiers[tier], *learned)):
                state = learned.get(arm)
                views.append(view_arm(tier, arm, state or ArmState.fresh(self._dim), matrices=matrices))
        return Reply(200, encode(ArmList(arms=views))).response()


def view_arm(tier: str, arm: Arm, state: ArmState, *, matrices: bool) -> ArmView:
    """Return an arm as the API shows it."""
    return ArmView(
        tier=tier,
        provider=arm.provider,
        model=arm.model,
        n=state.n,
        mean_reward=state.mean_reward,
        mean_cost_usd=state.mean_cost_usd,
        theta=state.theta().tolist(),
        version=state.version,
        updated_at=_rfc3339(state.updated_at_ms) if state.updated_at_ms else None,
        **({"A": state.A.tolist(), "b": state.b.tolist()} if matrices else {}),
    )


def _rfc3339(at_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms // 1000, UTC).replace(microsecond=at_ms % 1000 * 1000)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
