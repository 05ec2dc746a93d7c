"""Who is let in, without a server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pointsman.contracts.access.key_file import add_key
from pointsman.contracts.access.keys import Scope, StoredKey, make_key
from pointsman.contracts.config import Config, ConfigError
from pointsman.contracts.config.services import GatewayConfig
from pointsman.contracts.config.tiers import TierConfig
from pointsman_gateway.http.authentication import Authenticator, presented_key
from pointsman_gateway.http.problems import ProblemError

KEY, STORED = make_key("a", ["decide"])


def config(keys: list[StoredKey] | None = None, **gateway: Any) -> Config:
    return Config(tier=[TierConfig(name="S")], api_key=keys or [], gateway=GatewayConfig(**gateway))


def request(**headers: str) -> dict[str, Any]:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"headers": raw, "client": ("192.0.2.1", 1)}


def refusal(access: Authenticator, scope: dict[str, Any], permission: Scope = "decide") -> ProblemError:
    with pytest.raises(ProblemError) as caught:
        access.check(scope, permission)
    return caught.value


@pytest.mark.parametrize(
    "headers", [{"authorization": f"Bearer {KEY}"}, {"authorization": f"bearer  {KEY} "}, {"x_api_key": KEY}]
)
def test_a_key_is_taken_from_either_header(headers: dict[str, str]) -> None:
    access = Authenticator(config([STORED]))
    access.check(request(**headers), "decide")
    assert presented_key(request(**headers)) == KEY.encode()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": KEY},
        {"authorization": "Bearer"},
        {"authorization": f"Basic {KEY}"},
        {"x_api_key": KEY[:-1] + ("0" if KEY[-1] != "0" else "1")},
        {"x_api_key": make_key("b", ["decide"])[0]},
        {"authorization": "Bearer wrong", "x_api_key": KEY},
    ],
)
def test_every_wrong_key_is_answered_the_same(headers: dict[str, str]) -> None:
    access = Authenticator(config([STORED]))
    found = refusal(access, request(**headers))
    none = refusal(access, request())
    assert (found.status, found.detail, found.headers) == (401, none.detail, none.headers)
    assert dict(found.headers)["www-authenticate"].startswith("Bearer ")


def test_a_scope_that_is_missing_is_named() -> None:
    found = refusal(Authenticator(config([STORED])), request(x_api_key=KEY), "admin")
    assert found.status == 403
    assert "admin" in found.detail
    assert 'error="insufficient_scope", scope="admin"' in dict(found.headers)["www-authenticate"]


def test_a_key_s_rate_limit_is_its_own() -> None:
    (slow_key, slow), (free_key, free) = make_key("slow", ["decide"], 0.5), make_key("free", ["decide"])
    access = Authenticator(config([slow, free]))
    access.check(request(x_api_key=slow_key), "decide")
    found = refusal(access, request(x_api_key=slow_key))
    assert (found.status, found.headers) == (429, (("retry-after", "2"),))
    for _ in range(10):
        access.check(request(x_api_key=free_key), "decide")


def test_without_keys_each_client_address_has_a_limit() -> None:
    access = Authenticator(config(anonymous_rate_limit_per_s=1.0))
    access.check(request(), "decide")
    assert refusal(access, request()).status == 429
    access.check({**request(), "client": ("192.0.2.2", 1)}, "decide")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "gateway.example"])
def test_without_keys_only_this_machine_is_served_unless_configured(host: str) -> None:
    with pytest.raises(ConfigError, match=r"gateway\.keys_file.*allow_anonymous"):
        Authenticator(config(host=host))
    assert not Authenticator(config(host=host, allow_anonymous=True)).required
    assert Authenticator(config([STORED], host=host)).required


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_on_loopback_no_key_is_needed(host: str) -> None:
    access = Authenticator(config(host=host))
    access.check(request(), "admin")
    assert not access.required


def test_keys_are_needed_although_anonymous_use_is_allowed(tmp_path: Path) -> None:
    assert Authenticator(config([STORED], allow_anonymous=True)).required
    empty = Authenticator(config(keys_file=str(tmp_path / "none yet"), allow_anonymous=True))
    assert refusal(empty, request(x_api_key=KEY)).status == 401


def test_a_file_that_has_a_bad_line_ends_the_start(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("{}\n")
    with pytest.raises(ConfigError, match="line 1"):
        Authenticator(config(keys_file=str(file)))
    file.write_text("")
    add_key(file, STORED)
    Authenticator(config(keys_file=str(file)))
    with pytest.raises(ConfigError, match="the configuration has this key id too"):
        Authenticator(config([STORED], keys_file=str(file)))
