"""Encoding of `ShadowDecision` events, from parts that many events share.

Ten shadows publish ten events per decision. To build and encode a struct for each takes longer than to evaluate the
policies. So each part is encoded once: that of a decision for all shadows, that of a shadow for all decisions, and the
numbers of a batch together. The result equals that of the encoder byte for byte.
"""

from pointsman.contracts.messages.codec import encode
from pointsman.contracts.messages.notices import ShadowDecision
from pointsman.shadow.evaluation.decision_group import DecisionGroup
from pointsman.shadow.evaluation.shadow_policy import Evaluation, ShadowPolicy


def encode_events(shadow: ShadowPolicy, group: DecisionGroup, evaluation: Evaluation) -> list[bytes]:
    """Return one event for each decision that the shadow was run on, in order."""
    if not len(evaluation.rows):
        return []
    q = evaluation.distributions.q
    failed = evaluation.distributions.failed
    # A sum over the candidates; NaN, which becomes null, if the cost of one is unknown.
    delta = ((q - group.p[evaluation.rows]) * group.estimates.cost_usd[evaluation.rows]).sum(axis=1)
    deltas = encode(delta.tolist())[1:-1].split(b",")
    probabilities = encode(q.tolist())[2:-2].split(b"],[")
    names = [encode(name) for name in group.names]
    shown = [
        b',"policy":%b,"policy_version":%d,"active":%b,"shadow":' % (encode(shadow.spec.name), shadow.version, name)
        for name in names
    ]
    starts, ends = group.encoded_ends
    rows = evaluation.rows.tolist()
    served = group.chosen[evaluation.rows].tolist()
    columns = (rows, served, evaluation.candidate.tolist(), probabilities, deltas)
    made = [
        starts[row]
        + shown[active]
        + names[drawn]
        + (b',"agree":true,"probabilities":[' if active == drawn else b',"probabilities":[')
        + numbers
        + (b"]" if cost == b"null" else b'],"expected_cost_delta_usd":' + cost)
        + ends[row]
        for row, active, drawn, numbers, cost in zip(*columns, strict=True)
    ]
    for at, error in failed.items():
        made[at] = encode(_failed(shadow, group, rows[at], error))
    return made


def _failed(shadow: ShadowPolicy, group: DecisionGroup, row: int, error: str) -> ShadowDecision:
    logged = group.decisions[row]
    return ShadowDecision(
        decision_id=logged.decision_id,
        tier=logged.event.tier,
        policy=shadow.spec.name,
        policy_version=shadow.version,
        active=group.names[group.chosen[row]],
        error=error,
        decided_at_ms=logged.event.decided_at_ms,
    )
