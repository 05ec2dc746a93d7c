"""Valid requests of every route with parts out of place, sent to a real gateway: a client's mistake is never a 5xx.

`BODIES` of them from `SEED` on; the long form is ``make test-fuzz``.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from random import Random
from typing import Any, NamedTuple
from urllib.parse import quote_from_bytes

import aiohttp
import httpx
import pytest
from yarl import URL

from tests.attack.mutations import NEAR_THE_LIMIT, RAW, mutate
from tests.attack.upstream import upstream
from tests.attack.valid_requests import CHAT, CONTEXT, OWN, READING, Valid
from tests.support.processes import ServiceProcess, free_port, http_status

pytestmark = [pytest.mark.integration, pytest.mark.timeout(3600)]

BODIES = int(os.environ.get("FUZZ_BODIES", "2500"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
AT_ONCE = 16
RETRIES = 5
ODD_TEXTS = ("", ".", "..", "%2e%2e%2f", "%00", "%ff", "%0d%0aa:b", "9" * 500, "-1", "1e9", "true", "%F0%9F%98%80", "*")
CONTENT_TYPES = ("application/json",) * 20 + ("application/json; charset=utf-16", "application/x-www-form-urlencoded")
ANTHROPIC_PATHS = ("/v1/messages", "/v1/messages/count_tokens")


class Sent(NamedTuple):
    """A request as it is sent."""

    method: str
    path: str
    body: bytes
    headers: dict[str, str]


class Answered(NamedTuple):
    """What came back."""

    status: int
    content_type: str
    body: bytes


@pytest.fixture(scope="module")
def port() -> int:
    """Where the providers listen."""
    return free_port()


@pytest.fixture(scope="module")
def config_toml(port: int) -> str:
    """A tier for each kind of provider, and one with all of them."""
    arms = {"OPENAI": ["lab:m", "lab:n"], "ANTHROPIC": ["claude:m"], "BEDROCK": ["rock:anthropic.claude-x"]}
    arms["ALL"] = [arm for named in arms.values() for arm in named]
    tiers = [f'[[tier]]\nname = "{name}"\narms = {json.dumps(listed)}\n' for name, listed in arms.items()]
    settings = {
        "lab": f'base_url = "http://127.0.0.1:{port}/v1"',
        "claude": f'kind = "anthropic"\nbase_url = "http://127.0.0.1:{port}"',
        "rock": f'kind = "bedrock"\nregion = "us-east-1"\nbase_url = "http://127.0.0.1:{port}"',
    }
    providers = [f'[[provider]]\nname = "{name}"\nretries = 0\n{more}\n' for name, more in settings.items()]
    shadow = '[[shadow]]\nname = "greedy"\nalgorithm = "epsilon-greedy"\nepsilon = 0.0\n'
    llm = (
        '[llm]\nfeatures = "tests.attack.features:Three"\nauto = [{ tier = "OPENAI", below = 0.3 }, { tier = "ALL" }]\n'
    )
    return "\n".join(["[context]\ndim = 3\n", llm, *tiers, shadow, *providers])


@pytest.fixture(scope="module")
def environment(environment: dict[str, str]) -> dict[str, str]:
    return {**environment, "AWS_BEARER_TOKEN_BEDROCK": "x"}


def test_no_mutated_request_is_answered_with_a_server_error(
    client: httpx.Client, services: dict[str, ServiceProcess], port: int
) -> None:
    async def run() -> tuple[Counter[int], list[str]]:
        async with upstream(port), aiohttp.ClientSession(str(client.base_url)) as session:
            return await _fuzz(session)

    statuses, wrong = asyncio.run(run())
    print(f"seed {SEED}: {dict(sorted(statuses.items()))}")
    output = services["gateway"].output()
    assert not wrong, f"{len(wrong)} of {BODIES}, among them:\n" + "\n".join(wrong[:20])
    assert "Traceback" not in output, output[output.index("Traceback") - 500 :][:3000]
    assert statuses[200] > BODIES / 10, "hardly any request got as far as a provider"
    assert statuses[400] + statuses[422] > BODIES / 10
    assert all(service.running for service in services.values())
    assert http_status(services["gateway"].url + "/readyz") == 200


async def _fuzz(session: aiohttp.ClientSession) -> tuple[Counter[int], list[str]]:
    statuses: Counter[int] = Counter()
    wrong: list[str] = []
    async with session.post("/v1/decisions", json={"tier": "OPENAI", "context": CONTEXT}) as answer:
        decision_id = (await answer.json())["decision_id"]
    numbers = iter(range(BODIES))

    async def work() -> None:
        for number in numbers:
            sent = _request(Random(f"{SEED}.{number}"), decision_id)
            answered = await _send(session, sent)
            statuses[answered.status] += 1
            problem = _problem(sent, answered)
            if problem:
                wrong.append(f"{number} {sent.method} {sent.path}: {problem}\n    {sent.body[:600]!r}")

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return statuses, wrong


def _request(random: Random, decision_id: str) -> Sent:
    kind = random.random()
    if kind > 0.92:
        return _reading_request(random, decision_id)
    valid: Valid = random.choice(CHAT if kind < 0.65 else OWN)
    encoded = json.dumps(valid.body).replace("{id}", decision_id).encode()
    headers = {"content-type": random.choice(CONTENT_TYPES)}
    if random.random() < 0.1:
        headers["x-pointsman-session"] = random.choice(("s", "ü" * 300, "a;b,c", "\t"))
        headers["anthropic-version"] = random.choice(("2023-06-01", "", "x" * 5000))
        headers["openai-beta"] = random.choice(("a,b", ",", "ü"))
    path = valid.path
    if random.random() < 0.03:
        path += random.choice(("?", "?x=1", "?tier=A&tier=B", "/", "//", "?%ff=%00"))
    return Sent(valid.method, _odd_path(path, random), mutate(encoded, random, RAW + NEAR_THE_LIMIT), headers)


def _reading_request(random: Random, decision_id: str) -> Sent:
    valid = random.choice(READING)
    query = list(valid.body.items())
    for _ in range(random.randrange(3)):
        name = random.choice([*valid.body, "x", "tier"])
        value = random.choice((*ODD_TEXTS, quote_from_bytes(random.randbytes(random.randint(0, 9)))))
        query = [*(pair for pair in query if pair[0] != name or random.random() < 0.3), (name, value)]
    path = _odd_path(valid.path.replace("{id}", decision_id), random)
    return Sent(valid.method, path + "?" + "&".join(f"{name}={value}" for name, value in query), b"", {})


def _odd_path(path: str, random: Random) -> str:
    """Return the path, sometimes with another segment, as it is sent."""
    if random.random() > 0.05:
        return path
    odd = random.choice((*ODD_TEXTS, quote_from_bytes(random.randbytes(random.randint(1, 9)), safe="")))
    segments = path.split("/")
    segments[random.randrange(1, len(segments))] = odd
    return "/".join(segments)


async def _send(session: aiohttp.ClientSession, sent: Sent) -> Answered:
    url = URL(str(session._base_url).rstrip("/") + sent.path, encoded=True)
    for _ in range(RETRIES):  # a dependency that a busy machine slows down is not the request's fault
        async with session.request(sent.method, url, data=sent.body, headers=sent.headers) as answer:
            answered = Answered(answer.status, answer.headers.get("content-type", ""), await answer.read())
        if answered.status != 503:
            break
        await asyncio.sleep(1.0)
    return answered


def _problem(sent: Sent, answered: Answered) -> str:
    """Return what is wrong with an answer; empty for nothing."""
    status, content_type, body = answered
    if status >= 500:
        return f"{status} {body[:300]!r}"
    if status < 300:
        return "" if body else "an empty answer"
    path = sent.path.partition("?")[0]
    if status == 304 or sent.method == "HEAD":
        return ""
    try:
        document: dict[str, Any] = json.loads(body)
        if path in ANTHROPIC_PATHS:
            right = document["type"] == "error" and document["error"]["message"] and document["error"]["type"]
        elif path == "/v1/chat/completions":
            right = document["error"]["message"] and document["error"]["type"]
        elif content_type == "application/problem+json":
            right = document["detail"] and document["status"] == status
        else:
            right = document["error"]["message"]
    except (ValueError, KeyError, TypeError):
        right = False
    return "" if right else f"an error of another format: {status} {content_type} {body[:300]!r}"
