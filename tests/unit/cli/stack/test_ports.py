from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pointsman.cli.stack.errors import PortBusy
from pointsman.cli.stack.ports import Ports, gateway_port, is_free, read_ports, url_host, write_ports


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that is in use."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def test_a_port_in_use_is_not_free(taken: int) -> None:
    assert not is_free(taken)


def test_a_preferred_port_is_chosen_only_while_it_is_free(taken: int) -> None:
    ports = Ports()
    free = Ports().choose()

    assert ports.choose([taken, free]) == free
    assert ports.choose([taken]) != taken


def test_no_port_is_given_out_twice() -> None:
    ports = Ports()
    first = ports.choose()

    assert ports.choose([first]) != first


def test_a_reserved_port_is_not_given_out() -> None:
    free = Ports().choose()
    ports = Ports()
    ports.reserve(free)

    assert ports.choose([free]) != free


def test_the_gateway_takes_the_next_port_when_the_configured_one_is_busy(taken: int) -> None:
    assert taken < gateway_port("127.0.0.1", taken)


def test_a_busy_port_that_was_asked_for_is_refused(taken: int) -> None:
    with pytest.raises(PortBusy, match=f"port {taken} on 127.0.0.1 is in use"):
        gateway_port("127.0.0.1", 8080, taken)


def test_port_zero_takes_any() -> None:
    assert gateway_port("127.0.0.1", 8080, 0) > 0


def test_ports_are_remembered_for_the_next_start(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    assert read_ports(file) == {}

    write_ports(file, {"nats": 4222})

    assert read_ports(file) == {"nats": 4222}


def test_a_damaged_memory_of_ports_is_as_good_as_none(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    file.write_text("{", encoding="utf-8")

    assert read_ports(file) == {}


@pytest.mark.parametrize(
    ("host", "expected"),
    [("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("::1", "[::1]"), ("127.0.0.1", "127.0.0.1"), ("edge.lan", "edge.lan")],
)
def test_the_url_of_a_host_reaches_it_from_this_machine(host: str, expected: str) -> None:
    assert url_host(host) == expected
