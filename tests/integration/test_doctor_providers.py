"""Provider checks of ``pointsman doctor``, with mock providers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from pointsman.cli.commands.doctor.finding import Finding
from pointsman.cli.commands.doctor.providers import check_providers
from pointsman.cli.main import main
from pointsman.contracts.config import load_config
from tests.support.mock_provider import MockProviderProcess
from tests.support.processes import free_port

pytestmark = pytest.mark.integration

KEY = "mock-key-0123456789"
WRONG = "sk-wrong-0123456789"


@pytest.fixture(scope="module")
def mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MockProviderProcess]:
    options = ["--models", "good", "--model", "broken,fail-rate=1", "--model", "quota,fail-rate=1,fail-status=429"]
    server = MockProviderProcess(
        "mock", tmp_path_factory.mktemp("mock"), *options, "--model", "slow,latency-ms=60000", "--api-key", KEY
    )
    server.start()
    yield server
    server.stop()


async def check(folder: Path, arms: list[str], providers: str, *, calls: bool = True) -> dict[str, Finding]:
    """Return the findings by subject."""
    file = folder / "pointsman.toml"
    listed = ", ".join(f'"{arm}"' for arm in arms)
    file.write_text(f'[[tier]]\nname = "A"\narms = [{listed}]\n{providers}', encoding="utf-8")
    found = await check_providers(
        load_config(file, {}), calls=calls, environ={"KEY": KEY, "WRONG": WRONG}, timeout_s=1.0
    )
    return {finding.subject: finding for finding in found}


def section(name: str, url: str, *more: str) -> str:
    return "\n".join(["", "[[provider]]", f'name = "{name}"', f'base_url = "{url}"', *more, ""])


async def test_each_failure_of_a_provider_has_a_remedy(mock: MockProviderProcess, tmp_path: Path) -> None:
    url = f"{mock.url}/v1"
    providers = (
        section("lab", url, 'api_key_env = "KEY"', "retries = 0")
        + section("wrong", url, 'api_key_env = "WRONG"')
        + section("none", url)
        + section("unset", url, 'api_key_env = "NOT_THERE"')
        + section("gone", f"http://127.0.0.1:{free_port()}/v1", "retries = 0")
        + section("tls", url.replace("http:", "https:"))
        + section("dns", "http://nowhere.invalid/v1", "retries = 0")
        + section("unused", url)
    )
    arms = ["lab:good", "lab:missing", "lab:broken", "lab:quota", "lab:slow", "wrong:good", "none:good", "unset:good"]
    found = await check(tmp_path, [*arms, "gone:x", "tls:x", "dns:x", "strange:x"], providers)

    def finding(subject: str) -> str:
        assert not found[subject].ok, found[subject]
        return f"{found[subject].detail} → {found[subject].remedy}"

    assert found["model lab:good"].ok
    assert found["provider unused"].ok
    assert "no arm uses it" in found["provider unused"].detail
    assert "missing does not exist → check the name of the model at the provider" in finding("model lab:missing")
    assert "HTTP 500" in finding("model lab:broken")
    assert "quota" in finding("model lab:quota")
    assert "no response within 1 s" in finding("model lab:slow")
    assert "check the key in WRONG" in finding("model wrong:good")
    assert "api_key_env" in finding("model none:good")
    assert "NOT_THERE is not set → set it where the gateway starts" in finding("provider unset")
    assert "no connection" in finding("model gone:x")
    assert "TLS is not accepted → check whether base_url is https" in finding("model tls:x")
    assert "host name does not resolve" in finding("model dns:x")
    assert "'strange' is not configured" in finding("provider strange")
    assert all(finding.wrong for finding in found.values() if not finding.ok)
    everything = " ".join(f"{finding.detail} {finding.remedy}" for finding in found.values())
    assert KEY not in everything
    assert WRONG not in everything


async def test_a_local_server_on_another_host_must_listen_there(tmp_path: Path) -> None:
    elsewhere = '[llm]\nlocal_host = "nowhere.invalid"\n'
    found = (await check(tmp_path, ["ollama:llama3.2"], elsewhere))["model ollama:llama3.2"]
    assert "http://nowhere.invalid:11434/v1; there it must listen on more than loopback" in found.remedy
    assert not found.serious  # the arm may be only a name, as without the setting


async def test_without_calls_nothing_is_sent(mock: MockProviderProcess, tmp_path: Path) -> None:
    before = len(mock.seen())
    found = await check(tmp_path, ["lab:good"], section("lab", f"{mock.url}/v1", 'api_key_env = "KEY"'), calls=False)

    assert found["provider lab"].ok
    assert "KEY is set; not called" in found["provider lab"].detail
    assert len(mock.seen()) == before


async def test_arms_that_may_be_only_names_give_a_warning(tmp_path: Path) -> None:
    found = await check(tmp_path, ["strange:x", "openai:y"], "")

    assert [finding.ok for finding in found.values()] == [False, False]
    assert not any(finding.wrong for finding in found.values())


async def test_a_request_costs_next_to_nothing(mock: MockProviderProcess, tmp_path: Path) -> None:
    await check(tmp_path, ["lab:good"], section("lab", f"{mock.url}/v1", 'api_key_env = "KEY"'))

    body = mock.seen()[-1]["body"]
    assert body["max_tokens"] == 16
    assert len(body["messages"]) == 1


async def test_a_missing_model_of_a_local_server_is_reported_with_the_existing_ones(tmp_path: Path) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.json_response({"error": {"message": "model 'llama3.3' not found"}}, status=404)

    async def tags(_: web.Request) -> web.Response:
        return web.json_response({"models": [{"name": "llama3.2:latest", "size": 1}, {"name": "qwen3:8b", "size": 2}]})

    app = web.Application()
    app.router.add_post("/v1/chat/completions", refuse)
    app.router.add_get("/api/tags", tags)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        found = await check(tmp_path, ["ollama:llama3.3"], section("ollama", f"http://{host}:{port}/v1"))
    finally:
        await runner.cleanup()

    finding = found["model ollama:llama3.3"]
    assert finding.detail == "ollama answered HTTP 404: model 'llama3.3' not found"
    assert finding.remedy == "ollama pull llama3.3; it has llama3.2, qwen3:8b"


def test_the_command_exits_with_1_and_prints_the_reason(
    mock: MockProviderProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAB_KEY", WRONG)
    monkeypatch.setenv("POINTSMAN_NATS_URL", f"nats://127.0.0.1:{free_port()}")
    monkeypatch.setenv("POINTSMAN_REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    text = '[[tier]]\nname = "A"\narms = ["lab:good"]\n' + section("lab", f"{mock.url}/v1", 'api_key_env = "LAB_KEY"')
    (tmp_path / "pointsman.toml").write_text(text, encoding="utf-8")

    assert main(["doctor"]) == 1
    shown = capsys.readouterr().out
    assert "rejected the gateway's credentials (HTTP 401)" in shown
    assert WRONG not in shown
