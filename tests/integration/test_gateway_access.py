"""API keys as clients and operators meet them: a real gateway that wants keys."""

from __future__ import annotations

import json
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pointsman.cli.main import main
from pointsman.contracts.access.key_file import add_key, remove_keys
from pointsman.contracts.access.keys import Scope, make_key
from tests.support.fixtures import CONFIG_TOML, StartService
from tests.support.gateway_calls import REQUEST, decide, report
from tests.support.processes import ServiceProcess, http_status
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

SCOPES: tuple[Scope, ...] = ("decide", "report", "read", "admin")
GUARDED: list[tuple[str, str, Scope]] = [
    ("POST", "/v1/decisions", "decide"),
    ("POST", "/v1/outcomes", "report"),
    ("POST", "/v1/feedback", "report"),
    ("POST", "/v1/import", "admin"),
    ("GET", "/v1/decisions/SIMPLE.1.0123456789abcdef", "read"),
    ("POST", "/v1/try", "decide"),
    ("GET", "/v1/overview?tier=SIMPLE", "read"),
    ("GET", "/v1/system", "read"),
    ("GET", "/v1/alerts", "read"),
    ("GET", "/v1/arms", "read"),
    ("GET", "/v1/policies", "read"),
    ("GET", "/v1/shadow/report", "read"),
    ("GET", "/v1/events/decisions?tier=NOPE", "read"),
    ("GET", "/metrics", "read"),
    ("PUT", "/v1/policies/SIMPLE", "admin"),
    ("POST", "/v1/policies/SIMPLE/promote", "admin"),
    ("POST", "/v1/policies/SIMPLE/revert", "admin"),
    ("POST", "/v1/policies/SIMPLE/reset", "admin"),
    ("GET", "/v1/policies/SIMPLE/history", "read"),
]


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "keys"


@pytest.fixture(scope="module")
def keys(keys_file: Path) -> dict[str, str]:
    """A key for each scope alone, one for all of them, and one that may be used twice at once."""
    wanted: dict[str, list[Scope]] = {scope: [scope] for scope in SCOPES}
    wanted |= {"all": list(SCOPES), "slow": ["read"]}
    made = {}
    for name, scopes in wanted.items():
        made[name], stored = make_key(name, scopes, 2.0 if name == "slow" else None)
        add_key(keys_file, stored)
    return made


@pytest.fixture(scope="module")
def config_toml(keys_file: Path, keys: dict[str, str]) -> str:
    return f'{CONFIG_TOML}\n[gateway]\nkeys_file = "{keys_file}"\n'


@pytest.fixture
def keyed(client: httpx.Client, keys: dict[str, str]) -> Iterator[httpx.Client]:
    """A client that may do everything."""
    with httpx.Client(base_url=client.base_url, timeout=20.0, headers={"x-api-key": keys["all"]}) as connected:
        yield connected


@pytest.mark.parametrize(("method", "path", "scope"), GUARDED)
def test_a_route_needs_a_key_with_its_scope(
    client: httpx.Client, keys: dict[str, str], method: str, path: str, scope: Scope
) -> None:
    for headers in ({}, {"authorization": "Bearer nonsense"}, {"x-api-key": make_key("x", ["admin"])[0]}):
        refused = client.request(method, path, headers=headers)
        assert refused.status_code == 401
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.headers["www-authenticate"] == 'Bearer realm="pointsman"'
    for name in SCOPES:
        answer = client.request(method, path, headers={"authorization": f"Bearer {keys[name]}"})
        if name == scope:
            assert answer.status_code not in (401, 403)
        else:
            assert answer.status_code == 403
            assert scope in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/", "/docs", "/openapi.json"])
def test_probes_and_pages_need_no_key(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 200


def test_openapi_has_the_scope_of_each_route(client: httpx.Client) -> None:
    api = client.get("/openapi.json").json()
    assert {scheme["type"] for scheme in api["components"]["securitySchemes"].values()} == {"http", "apiKey"}
    documented = {
        (method.upper(), path): what["security"][0]["bearer"][0]
        for path, methods in api["paths"].items()
        for method, what in methods.items()
        if what["security"] and what["tags"] != ["chat"]  # see llm/test_llm_access.py
    }
    wanted = {
        (method, path.partition("?")[0].replace("/policies/SIMPLE", "/policies/{tier}")): scope
        for method, path, scope in GUARDED
    }
    wanted["GET", "/v1/decisions/{decision_id}"] = wanted.pop(("GET", "/v1/decisions/SIMPLE.1.0123456789abcdef"))
    assert documented == wanted


def test_a_decision_and_its_outcome_pass_with_their_scopes(client: httpx.Client, keys: dict[str, str]) -> None:
    decided = client.post("/v1/decisions", json=REQUEST, headers={"x-api-key": keys["decide"]})
    assert decided.status_code == 200
    outcome = {"decision_id": decided.json()["decision_id"], "reward": 50}
    assert client.post("/v1/outcomes", json=outcome, headers={"x-api-key": keys["report"]}).status_code == 202


def test_a_switch_of_policies_is_on_record_with_the_name_of_the_key(keyed: httpx.Client) -> None:
    promoted = keyed.post("/v1/policies/SIMPLE/promote", json={"policy": "greedy", "person": "ann", "force": True})
    assert promoted.status_code == 200, promoted.text
    change = promoted.json()["change"]
    assert (change["kind"], change["by"], change["person"]) == ("promote", "all", "ann")
    assert keyed.post("/v1/policies/SIMPLE/revert").json()["change"]["by"] == "all"
    assert keyed.put("/v1/policies/SIMPLE", json={"shadows": []}).json()["change"]["by"] == "all"
    versions = keyed.get("/v1/policies/SIMPLE/history").json()["versions"]
    assert [version["change"]["kind"] for version in versions[:3]] == ["api", "revert", "promote"]


def test_a_rate_limited_key_gets_retry_after(client: httpx.Client, keys: dict[str, str]) -> None:
    headers = {"x-api-key": keys["slow"]}
    answers = [client.get("/v1/policies", headers=headers) for _ in range(20)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert {answer.status_code for answer in answers} == {200, 429}
    assert refused[0].headers["retry-after"] == "1"
    assert refused[0].headers["content-type"] == "application/problem+json"
    assert client.get("/v1/policies", headers={"x-api-key": keys["read"]}).status_code == 200


def test_a_key_works_once_it_is_in_the_file_and_no_more_once_it_is_revoked(
    client: httpx.Client, keyed: httpx.Client, keys_file: Path
) -> None:
    key, stored = make_key("later", ["read"])
    headers = {"x-api-key": key}
    assert client.get("/v1/arms", headers=headers).status_code == 401
    add_key(keys_file, stored)
    wait_until(lambda: client.get("/v1/arms", headers=headers).status_code == 200, "new key in force")
    with client.stream("GET", "/v1/events/decisions", headers=headers) as events:
        lines = events.iter_lines()
        assert next(line for line in lines if line == ": listening")
        remove_keys(keys_file, stored.id)
        wait_until(lambda: client.get("/v1/arms", headers=headers).status_code == 401, "revoked key refused")
        decide(keyed)
        for line in lines:  # what it had begun to follow has ended, too
            assert not line.startswith("event: decision")


def test_a_bad_line_in_the_file_takes_no_other_key_out_of_force(
    client: httpx.Client, keyed: httpx.Client, keys_file: Path, services: dict[str, ServiceProcess]
) -> None:
    before = keys_file.read_bytes()
    key, stored = make_key("beside", ["read"])
    keys_file.write_bytes(before + b'{"id":1}\n')
    add_key(keys_file, stored)
    wait_until(lambda: client.get("/v1/arms", headers={"x-api-key": key}).status_code == 200, "file read again")
    assert keyed.get("/v1/arms").status_code == 200
    bad_line = before.count(b"\n") + 1
    assert f"line {bad_line}: " in services["gateway"].output()
    keys_file.write_bytes(before)


def test_a_missing_key_file_refuses_every_key(client: httpx.Client, keyed: httpx.Client, keys_file: Path) -> None:
    aside = keys_file.rename(keys_file.with_suffix(".aside"))
    wait_until(lambda: keyed.get("/v1/arms").status_code == 401, "no key in force")
    assert client.get("/v1/arms").status_code == 401
    aside.rename(keys_file)
    wait_until(lambda: keyed.get("/v1/arms").status_code == 200, "keys in force again")


def test_the_command_line_sends_the_key(
    services: dict[str, ServiceProcess],
    environment: dict[str, str],
    keys: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("POINTSMAN_CONFIG", "POINTSMAN_NATS_URL", "POINTSMAN_REDIS_URL"):
        monkeypatch.setenv(name, environment[name])
    recording = tmp_path / "recording.jsonl"
    recording.write_text(
        json.dumps({"op": "pick", **REQUEST}) + '\n{"op": "update", "tier": "SIMPLE", "quality": 80}\n'
    )
    url = ["--url", services["gateway"].url]
    commands = {"compare": [], "replay": [str(recording)], "doctor": []}
    for command, arguments in commands.items():
        assert main([command, *arguments, *url]) == 1
        shown = capsys.readouterr()
        assert "401 expected a valid API key" in shown.out + shown.err
        monkeypatch.setenv("POINTSMAN_API_KEY", keys["all"])
        code = main([command, *arguments, *url])
        shown = capsys.readouterr()
        assert "expected a valid API key" not in shown.out + shown.err
        assert keys["all"] not in shown.out + shown.err
        assert code == 0 or command == "doctor", shown  # the tests' store keeps nothing, which the doctor reports
        monkeypatch.delenv("POINTSMAN_API_KEY")
        assert main([command, *arguments, *url, "--api-key", keys["all"]]) == code
        capsys.readouterr()


def test_no_key_is_ever_in_a_log_or_an_answer(
    client: httpx.Client, keyed: httpx.Client, keys: dict[str, str], services: dict[str, ServiceProcess]
) -> None:
    secret = keys["all"].rpartition("_")[2]
    decision_id = decide(keyed)["decision_id"]
    answers = [
        report(keyed, decision_id, quality="x"),
        keyed.get("/no/such/route"),
        keyed.get("/v1/arms", params={"teir": 1}),
        keyed.put("/v1/policies/SIMPLE", content=b"{"),
        client.get("/v1/arms", headers={"authorization": f"Bearer {keys['decide']}x"}),
        client.get("/v1/arms", headers={"authorization": f"Bearer {keys['decide']}"}),
        client.get("/v1/arms", headers={"x-api-key": keys["all"] + "x"}),
        keyed.get("/metrics"),
    ]
    for answer in answers:
        assert secret not in answer.text + str(answer.headers)
    for service in services.values():
        output = service.output()
        assert "pm_" not in output
        assert not any(key.rpartition("_")[2] in output for key in keys.values())
        assert "uthorization" not in output


# Starting


def test_a_gateway_that_everyone_could_reach_does_not_start_without_keys(
    start_service: StartService, environment: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "pointsman.toml"
    file.write_text(CONFIG_TOML)
    open_one = {"POINTSMAN_CONFIG": str(file), "POINTSMAN_GATEWAY_HOST": "0.0.0.0"}
    refused = ServiceProcess("gateway-open", tmp_path, {**environment, **open_one})
    with pytest.raises(AssertionError):
        refused.start()
    assert refused.stop() == 2
    assert "gateway: configuration: gateway.host: " in refused.output()
    assert "allow_anonymous" in refused.output()
    assert "Traceback" not in refused.output()
    meant = start_service("gateway-meant", "/healthz", **open_one, POINTSMAN_GATEWAY_ALLOW_ANONYMOUS="true")
    assert meant.running


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    names = ["-subj", "/CN=pointsman test", "-addext", "subjectAltName=IP:127.0.0.1"]
    try:
        subprocess.run([*command, *names, "-keyout", key, "-out", cert], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl, which makes the certificate of this test, is not installed")
    return cert, key


def test_with_a_certificate_the_gateway_speaks_https_only(
    start_service: StartService,
    certificate: tuple[Path, Path],
    keys: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cert, key = certificate
    tls = {"POINTSMAN_GATEWAY_CERT_FILE": str(cert), "POINTSMAN_GATEWAY_KEY_FILE": str(key)}
    gateway = start_service("gateway-tls", wait_for="", **tls)
    url = gateway.url
    assert url.startswith("https://127.0.0.1:")
    assert main(["probe", f"{url}/healthz"]) == 0
    headers = {"x-api-key": keys["all"]}
    trust = ssl.create_default_context(cafile=str(cert))
    with httpx.Client(base_url=url, verify=trust, headers=headers, timeout=20.0) as trusting:
        assert trusting.get("/v1/policies").status_code == 200
        assert decide(trusting)["tier"] == "SIMPLE"
    with httpx.Client() as careful, pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        careful.get(url + "/healthz")
    with httpx.Client() as plain, pytest.raises(httpx.HTTPError):
        plain.get(url.replace("https", "http") + "/healthz")
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    assert main(["compare", "--url", url, "--api-key", keys["read"]]) == 0
    assert capsys.readouterr().err == ""
    assert http_status(url.replace("https", "http") + "/healthz") == 0


def test_a_certificate_that_cannot_be_used_ends_the_start_and_is_named(
    environment: dict[str, str], certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    cert, key = certificate
    for names in ((tmp_path / "none.pem", key), (key, cert)):
        tls = {"POINTSMAN_GATEWAY_CERT_FILE": str(names[0]), "POINTSMAN_GATEWAY_KEY_FILE": str(names[1])}
        refused = ServiceProcess("gateway-bad-tls", tmp_path, {**environment, **tls})
        with pytest.raises(AssertionError):
            refused.start()
        assert refused.stop() == 2
        assert "gateway.cert_file or key_file" in refused.output()
        assert "Traceback" not in refused.output()
