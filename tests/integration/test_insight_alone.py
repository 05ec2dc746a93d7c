"""Dry runs of texts, and what the gateway knows when it is all alone."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from pointsman.contracts.config import Config
from pointsman.core.features import CHAT_NAMES, chat_features, view_request
from tests.support.fixtures import RELAXED_TIMEOUTS, StartService
from tests.support.processes import ServiceProcess, free_port, http_status

pytestmark = pytest.mark.integration

TEXTS = ("Hi", "Explain step by step why this proof about contracts and medicine fails, and write the code for it.")


@pytest.fixture(scope="module")
def config_toml() -> str:
    return """
[context]
dim = 12

[[tier]]
name = "SIMPLE"
arms = ["p:a", "p:b"]

[[tier]]
name = "COMPLEX"
arms = ["p:c"]
"""


@pytest.fixture(scope="module")
def services(start_service: StartService) -> dict[str, ServiceProcess]:
    gateway = start_service("gateway", wait_for="/healthz", **RELAXED_TIMEOUTS)
    others = {name: start_service(name, **RELAXED_TIMEOUTS) for name in ("decision", "reward_updater")}
    gateway.wait(lambda: http_status(gateway.url + "/readyz") == 200, "/readyz")
    return {"gateway": gateway, **others}


@pytest.fixture(scope="module")
def alone(start_service: StartService) -> Iterator[httpx.Client]:
    """A gateway with neither NATS nor a store."""
    nowhere = f"127.0.0.1:{free_port()}"
    gateway = start_service(
        "gateway-alone",
        wait_for="/healthz",
        POINTSMAN_NATS_URL=f"nats://{nowhere}",
        POINTSMAN_REDIS_URL=f"redis://{nowhere}/0",
    )
    with httpx.Client(base_url=gateway.url, timeout=20.0) as connected:
        yield connected


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("tier", [None, "COMPLEX"])
def test_text_is_scored_by_its_features_in_the_tier_of_auto_or_the_named_one(
    client: httpx.Client, config: Config, text: str, tier: str | None
) -> None:
    body = {"prompt": text} if tier is None else {"messages": [{"role": "user", "content": text}], "tier": tier}
    answer = client.post("/v1/try", json=body)
    assert answer.status_code == 200, answer.text
    tried = answer.json()
    features = chat_features(view_request({"messages": [{"role": "user", "content": text}]}, "openai"))
    auto = config.llm.tier_score([section.name for section in config.tier])
    score = auto.score(features)
    assert tried["context"] == pytest.approx(features)
    assert [(feature["name"], feature["value"]) for feature in tried["features"]] == list(
        zip(CHAT_NAMES, tried["context"], strict=True)
    )
    assert tried["auto"] == {"tier": auto.tier(score), "score": pytest.approx(score)}
    assert tried["tier"] == (tier or auto.tier(score))
    arms = {"SIMPLE": {"a", "b"}, "COMPLEX": {"c"}}[tried["tier"]]
    assert {scored["model"] for scored in tried["scores"]} == arms


def test_contexts_have_no_feature_names_without_configured_names(client: httpx.Client) -> None:
    tried = client.post("/v1/try", json={"tier": "SIMPLE", "context": [0.5] * 12}).json()
    assert tried["features"] is None
    assert client.get("/v1/arms").json()["features"] is None


def test_system_without_nats_and_store_is_the_gateway_itself(alone: httpx.Client) -> None:
    system = alone.get("/v1/system").json()
    assert [service["service"] for service in system["services"]] == ["gateway"]
    assert system["problems"][0] == "NATS: not connected"
    assert system["problems"][1].startswith("the store: ")
    assert system["streams"] == []
    assert [(tier["tier"], tier["log_end"], tier["watermark"], tier["lag"]) for tier in system["tiers"]] == [
        ("SIMPLE", None, None, None),
        ("COMPLEX", None, None, None),
    ]


@pytest.mark.parametrize("path", ["/v1/overview?tier=SIMPLE", "/v1/alerts", "/v1/arms"])
def test_unreachable_data_is_reported_as_unavailable(alone: httpx.Client, path: str) -> None:
    answer = alone.get(path)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert alone.post("/v1/try", json={"prompt": "Hi"}).status_code == 503
