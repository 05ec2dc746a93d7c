from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from pointsman.contracts.config import ConfigError, load_config
from pointsman.contracts.config.loader import section_problems
from pointsman.contracts.config.providers import WELL_KNOWN, ProviderConfig, provider_named
from pointsman.core.violations import find_violations

MINIMAL = '[[tier]]\nname = "S"\narms = ["openai:m"]\n'


def check_providers(sections: list[ProviderConfig]) -> list[str]:
    """The problems that loading these sections would report."""
    violations = list(find_violations(msgspec.to_builtins(sections), list[ProviderConfig], "provider"))
    return [str(problem) for problem in violations or section_problems(sections, "provider")]


def test_well_known_names_are_complete_but_for_the_address_that_only_the_user_knows() -> None:
    for name, provider in WELL_KNOWN.items():
        assert provider_named([], name) is provider
        unknown = {"azure", "databricks"}
        assert bool(check_providers([ProviderConfig(name=name)])) == (name in unknown)


def test_section_of_a_well_known_name_has_only_the_differences() -> None:
    found = provider_named([ProviderConfig(name="openai", retries=4)], "openai")
    assert found == msgspec.structs.replace(WELL_KNOWN["openai"], retries=4)


def test_unknown_name_is_openai_compatible() -> None:
    found = provider_named([ProviderConfig(name="acme", base_url="http://acme.example/v1")], "acme")
    assert found is not None
    assert (found.kind, found.max_tokens_field, found.api_key_env) == ("openai", None, None)


def test_well_known_key_is_for_the_well_known_address() -> None:
    elsewhere = provider_named([ProviderConfig(name="openai", base_url="http://x.example/v1")], "openai")
    other_kind = provider_named(
        [ProviderConfig(name="openai", kind="anthropic", base_url="http://x.example")], "openai"
    )
    own = provider_named([ProviderConfig(name="azure", base_url="https://a.openai.azure.com")], "azure")
    assert elsewhere is not None
    assert other_kind is not None
    assert own is not None
    assert (elsewhere.api_key_env, other_kind.api_key_env) == (None, None)
    assert own.api_key_env == "AZURE_OPENAI_API_KEY"


def test_azure_by_another_name_has_azures_defaults() -> None:
    found = provider_named([ProviderConfig(name="east", kind="azure-openai", base_url="https://a.example")], "east")
    assert found is not None
    assert (found.api_version, found.max_tokens_field) == ("2024-10-21", "max_completion_tokens")


URL = "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        (ProviderConfig(name="a:b", base_url=URL), "provider[0].name"),
        (ProviderConfig(name="", base_url=URL), "provider[0].name"),
        (ProviderConfig(name="x"), "provider[0].base_url: 'x' has no default address"),
        (ProviderConfig(name="x", base_url="ftp://h"), "provider[0].base_url: expected http"),
        (
            ProviderConfig(name="x", base_url="http://user:secret@h"),
            "provider[0].base_url: must not contain a user",
        ),
        (ProviderConfig(name="x", base_url="http://h/v1?key=1"), "provider[0].base_url: must not contain a query"),
        (ProviderConfig(name="x", base_url=URL, api_key_env="sk-canary"), "provider[0].api_key_env"),
        (ProviderConfig(name="x", base_url=URL, headers={"a b": "c"}), "provider[0].headers: 'a b'"),
        (ProviderConfig(name="x", base_url=URL, headers={"a": "b\r\nc"}), "provider[0].headers.a"),
        (ProviderConfig(name="x", base_url=URL, headers={"a": "env:"}), "provider[0].headers.a"),
        (ProviderConfig(name="x", base_url=URL, models={"m": ""}), "provider[0].models.'m'"),
        (ProviderConfig(name="x", base_url=URL, retries=-1), "provider[0].retries"),
        (ProviderConfig(name="x", base_url=URL, retries=11), "provider[0].retries"),
        (ProviderConfig(name="x", base_url=URL, idle_timeout_ms=0), "provider[0].idle_timeout_ms"),
        (ProviderConfig(name="x", base_url=URL, region="eu"), "provider[0].region: only for"),
        (ProviderConfig(name="x", kind="bedrock", region="eu/../"), "provider[0].region: expected a region"),
        (ProviderConfig(name="x", base_url=URL, api_version="1"), "provider[0].api_version: only for"),
    ],
)
def test_what_is_wrong_is_named_and_no_secret_repeated(section: ProviderConfig, problem: str) -> None:
    problems = check_providers([section])
    assert any(found.startswith(problem) for found in problems), problems
    assert not any("canary" in found or "secret" in found for found in problems)


def test_name_used_twice() -> None:
    assert check_providers([ProviderConfig(name="ollama")] * 2) == ["provider[1].name: 'ollama' is used twice"]


def test_sections_are_read_and_checked_with_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "pointsman.toml"
    file.write_text(MINIMAL + '[[provider]]\nname = "acme"\nbase_url = "http://acme.example/v1"\n')
    assert [provider.name for provider in load_config(file, {}).provider] == ["acme"]
    file.write_text(MINIMAL + '[[provider]]\nname = "acme"\nkind = "grpc"\n[[provider]]\nname = "b"\n')
    with pytest.raises(ConfigError, match=r"provider\[0\].kind"):
        load_config(file, {})
    file.write_text(MINIMAL + '[[provider]]\nname = "acme"\n')
    with pytest.raises(ConfigError, match=r"provider\[0\].base_url"):
        load_config(file, {})


def test_the_local_host_is_that_of_well_known_servers_without_an_address() -> None:
    sections = [ProviderConfig(name="ollama", retries=0), ProviderConfig(name="vllm", base_url="http://127.0.0.1:9/v1")]
    found = {name: provider_named(sections, name, "host.docker.internal") for name in ("ollama", "vllm", "lmstudio")}
    assert {name: provider.base_url for name, provider in found.items() if provider} == {
        "ollama": "http://host.docker.internal:11434/v1",
        "vllm": "http://127.0.0.1:9/v1",
        "lmstudio": "http://host.docker.internal:1234/v1",
    }
    openai = provider_named([], "openai", "host.docker.internal")
    assert openai == WELL_KNOWN["openai"]
    ipv6 = provider_named([], "ollama", "fd00::1")
    assert ipv6 is not None
    assert ipv6.base_url == "http://[fd00::1]:11434/v1"
