"""Host names in headers."""

from __future__ import annotations

import pytest

from pointsman.contracts.access.host_names import host_of, is_host, is_local, is_loopback


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("127.0.0.1:8080", "127.0.0.1"),
        ("LocalHost.:8080", "localhost"),
        ("Gateway.Example.com", "gateway.example.com"),
        ("[::1]:8080", "::1"),
        ("[FE80::1%25eth0]", "fe80::1%25eth0"),
        ("", ""),
        (":8080", ""),
    ],
)
def test_host_of_an_authority(authority: str, host: str) -> None:
    assert host_of(authority) == host


@pytest.mark.parametrize(
    "host",
    [
        *("", "localhost", "app.localhost", "gateway", "gateway.ns.svc.cluster.local", "host.docker.internal"),
        *("127.0.0.1", "10.1.2.3", "93.184.216.34", "127.1", "0x7f000001", "::1", "fd00::12", "::ffff:127.0.0.1"),
    ],
)
def test_addresses_and_names_that_public_dns_does_not_have_are_local(host: str) -> None:
    assert is_local(host)


@pytest.mark.parametrize(
    "host",
    ["example.com", "127.0.0.1.nip.io", "localhost.example.com", "7f000001.example", "local.evil.com", "a.1b", "x.co"],
)
def test_names_that_public_dns_can_answer_for_are_not_local(host: str) -> None:
    assert not is_local(host)


@pytest.mark.parametrize("text", ["gateway.example.com", "gateway", "192.0.2.1", "::1"])
def test_a_host_is_a_name_or_an_address(text: str) -> None:
    assert is_host(text)


@pytest.mark.parametrize(
    "text", ["", "https://a.example", "a.example:80", "a.example.", "A.example", "*.example", "a/b"]
)
def test_a_url_a_port_or_a_pattern_is_not_a_host(text: str) -> None:
    assert not is_host(text)


def test_loopback_addresses() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost")] == [True] * 4
    assert [is_loopback(host) for host in ("0.0.0.0", "", "::", "10.0.0.1", "gateway")] == [False] * 5
