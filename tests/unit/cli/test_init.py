from __future__ import annotations

import builtins
import json
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pointsman.cli.devtools.init import toml
from pointsman.cli.devtools.init.local_servers import LOCAL, find_local_models
from pointsman.cli.main import _parser, main
from pointsman.contracts.config import load_config

Serve = Callable[[Mapping[str, object]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """``serve({path: answer})`` starts a server with these answers, 404 for others, and returns its address."""
    servers: list[ThreadingHTTPServer] = []

    def start(answers: Mapping[str, object]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # the name that http.server calls
                known = self.path in answers
                body = json.dumps(answers.get(self.path)).encode()
                self.send_response(200 if known else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Be quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


OLLAMA = {
    "/api/tags": {
        "models": [
            {"name": "qwen3:32b", "size": 20_000},
            {"name": "llama3.2:latest", "size": 2_000},
            {"name": "nomic-embed-text:latest", "size": 100},
            {"name": "qwen3:8b", "size": 5_000},
        ]
    }
}
LM_STUDIO = {"/v1/models": {"data": [{"id": "qwen2.5-14b-instruct"}, {"id": "gemma-3-4b"}]}}
UNUSED_ADDRESS = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _nothing_is_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No keys, and no server of the developer's own."""
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENROUTER_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(
        "pointsman.cli.devtools.init.local_servers.WELL_KNOWN",
        {name: type("Known", (), {"base_url": UNUSED_ADDRESS}) for name in LOCAL},
    )
    monkeypatch.chdir(tmp_path)


def init(*options: str) -> int:
    return main(["init", "--yes", *options])


def written(file: str = "pointsman.toml") -> dict[str, list[str]]:
    """What stands in the file, by the checks that every service makes: arms by tier."""
    return {tier.name: tier.arms or [] for tier in load_config(file, {}).tier}


def test_options_alone_make_a_configuration_that_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    tier = "SIMPLE=ollama:llama3.2,openai:gpt-4o-mini"

    assert init("--provider", "openai", "--provider", "ollama", "--tier", tier) == 0
    assert main(["config", "check", "--config", "pointsman.toml"]) == 0
    assert written() == {"SIMPLE": ["ollama:llama3.2", "openai:gpt-4o-mini"]}
    assert [provider.name for provider in load_config("pointsman.toml", {}).provider] == ["openai", "ollama"]
    assert "OPENAI_API_KEY is not set" in capsys.readouterr().out


def test_a_key_is_named_and_never_written(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-very-secret")

    assert init() == 0
    text, shown = Path("pointsman.toml").read_text(encoding="utf-8"), capsys.readouterr().out
    assert "ANTHROPIC_API_KEY" in text
    assert "very-secret" not in text + shown
    assert "is not set" not in shown


def test_a_provider_whose_key_is_there_is_suggested_with_overlapping_tiers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-very-secret")

    assert init() == 0
    tiers = written()
    assert tiers["SIMPLE"] == list(reversed(tiers["COMPLEX"]))
    config = load_config("pointsman.toml", {})
    assert [(auto.tier, auto.below) for auto in config.llm.auto] == [("SIMPLE", 0.3), ("COMPLEX", None)]


def test_local_models_are_offered_by_size_without_embeddings(serve: Serve) -> None:
    addresses = {"ollama": f"{serve(OLLAMA)}/v1", "lmstudio": f"{serve(LM_STUDIO)}/v1"}

    assert find_local_models(addresses) == {
        "ollama": ["llama3.2", "qwen3:8b", "qwen3:32b"],
        "lmstudio": ["gemma-3-4b", "qwen2.5-14b-instruct"],
    }


def test_what_answers_something_else_on_a_usual_port_is_no_model_server(serve: Serve) -> None:
    other = serve({"/api/tags": ["no", "models"], "/v1/models": "here neither"})

    assert find_local_models(dict.fromkeys(LOCAL, f"{other}/v1")) == {}


def test_a_local_server_alone_serves_both_tiers(serve: Serve) -> None:
    url = f"{serve(OLLAMA)}/v1"

    assert init("--base-url", f"ollama={url}") == 0
    assert written() == {
        "SIMPLE": ["ollama:llama3.2", "ollama:qwen3:8b"],
        "COMPLEX": ["ollama:qwen3:32b", "ollama:llama3.2"],
    }
    assert tomllib.loads(Path("pointsman.toml").read_text(encoding="utf-8"))["provider"] == [
        {"name": "ollama", "base_url": url}
    ]


def test_with_a_hosted_provider_local_models_serve_the_easy_requests(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")

    assert init("--provider", "ollama", "--provider", "openai", "--base-url", f"ollama={serve(OLLAMA)}/v1") == 0
    tiers = written()
    assert tiers["SIMPLE"][:2] == ["ollama:llama3.2", "ollama:qwen3:8b"]
    assert tiers["COMPLEX"][0].startswith("openai:")


def test_an_existing_file_is_kept_unless_forced(capsys: pytest.CaptureFixture[str]) -> None:
    Path("pointsman.toml").write_text("# mine\n", encoding="utf-8")

    assert init("--tier", "A=openai:gpt-5") == 2
    assert "exists already" in capsys.readouterr().err
    assert Path("pointsman.toml").read_text(encoding="utf-8") == "# mine\n"
    assert init("--tier", "A=openai:gpt-5", "--force") == 0
    assert written() == {"A": ["openai:gpt-5"]}


def test_without_keys_and_servers_it_works_with_the_mock_provider(capsys: pytest.CaptureFixture[str]) -> None:
    assert init() == 0
    shown = capsys.readouterr().out
    assert "No model server responds here" in shown
    assert written() == {"SIMPLE": ["mock:small", "mock:large"], "COMPLEX": ["mock:large", "mock:small"]}
    assert main(["config", "check"]) == 0
    assert "warning" not in capsys.readouterr().out
    (provider,) = load_config("pointsman.toml", {}).provider
    server = _parser("mock-provider").parse_args(["mock-provider"])
    assert provider.base_url == f"http://{server.host}:{server.port}/v1"
    assert "mock-provider" in shown.partition("next:")[2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--tier", "SIMPLE"), "--tier: expected NAME=VALUE"),
        (("--tier", "SIMPLE=gpt-5"), "--tier SIMPLE"),
        (("--tier", "no spaces here=openai:gpt-5"), "no spaces here"),
        (("--provider", "azure"), "the base URL of azure is unknown"),
        (("--provider", "lab"), "the base URL of lab is unknown"),
        (("--provider", "lab", "--base-url", "lab=http://lab/v1"), "--tier SIMPLE=provider:model"),
        (("--tier", "A=lab:x", "--base-url", "lab=ftp://lab"), "provider[0].base_url"),
        (("--tier", "A=openai:x", "--key-env", "openai=sk-live-0123"), "not the key"),
    ],
)
def test_an_invalid_request_is_reported_and_nothing_is_written(
    options: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init(*options) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert "sk-live-0123" not in shown
    assert list(Path().iterdir()) == []


def test_more_tiers_get_rising_bounds() -> None:
    assert init("--tier", "A=openai:a", "--tier", "B=openai:b", "--tier", "C=openai:c") == 0
    auto = load_config("pointsman.toml", {}).llm.auto
    assert [(each.tier, each.below) for each in auto] == [("A", 0.2), ("B", 0.4), ("C", None)]


def test_names_with_quotes_are_written_so_that_they_are_read_again() -> None:
    assert init("--tier", 'A=openai:a"b\\c') == 0
    assert written() == {"A": ['openai:a"b\\c']}


def test_llamacpp_on_its_usual_port_moves_the_gateway() -> None:
    assert init("--tier", "A=llamacpp:any") == 0
    assert load_config("pointsman.toml", {}).gateway.port == 8088


class _Terminal:
    """Answers questions, and remembers them."""

    def __init__(self, *answers: str) -> None:
        self.asked: list[str] = []
        self._answers = list(answers)

    def __call__(self, question: str) -> str:
        self.asked.append(question)
        if not self._answers:
            raise EOFError
        return self._answers.pop(0)


def _ask(monkeypatch: pytest.MonkeyPatch, terminal: _Terminal) -> int:
    monkeypatch.setattr(builtins, "input", terminal)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    return main(["init"])


def test_on_a_terminal_it_asks_and_enter_accepts_the_suggestion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    terminal = _Terminal("", "", "openai:gpt-5, anthropic:claude-sonnet-4-5")

    assert _ask(monkeypatch, terminal) == 0
    assert "[openai]" in terminal.asked[0]
    assert written()["COMPLEX"] == ["openai:gpt-5", "anthropic:claude-sonnet-4-5"]
    assert len(written()["SIMPLE"]) == 2


def test_a_wrong_answer_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _Terminal("a:b", "lab", "http://10.0.0.7/v1", "LAB_KEY", "small", "lab:small", "lab:large")

    assert _ask(monkeypatch, terminal) == 0
    assert written() == {"SIMPLE": ["lab:small"], "COMPLEX": ["lab:large"]}
    assert load_config("pointsman.toml", {}).provider[0].api_key_env == "LAB_KEY"


def test_an_ended_input_writes_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert _ask(monkeypatch, _Terminal("openai")) == 2
    assert "nothing was written" in capsys.readouterr().err
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(("installed", "features", "dim"), [(True, "meaning", 37), (False, None, 12)])
def test_features_that_see_meaning_are_written_where_they_are_installed(
    monkeypatch: pytest.MonkeyPatch, installed: bool, features: str | None, dim: int
) -> None:
    monkeypatch.setattr(toml, "meaning_is_installed", lambda: installed)
    assert init("--tier", "A=openai:gpt-5") == 0
    config = load_config(Path("pointsman.toml"), {})
    assert (config.llm.features, config.context.dim) == (features, dim)
