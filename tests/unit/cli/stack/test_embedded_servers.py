from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from pointsman.cli.stack.embedded_servers import EmbeddedNats, nats_conf, server_name, store_conf
from pointsman.cli.stack.errors import ProgramMissing
from pointsman.cli.stack.ports import Ports
from pointsman.cli.stack.server_programs import find_nats_server, find_store_server
from pointsman.contracts.access.credentials import completed
from pointsman.contracts.config.connections import NatsConfig


def test_jetstream_has_room_for_what_every_stream_reserves(tmp_path: Path) -> None:
    config = NatsConfig(decisions_max_bytes=5 * 1024**3, outcomes_max_bytes=3 * 1024**3, events_max_bytes=1024**3)

    room = re.search(r"max_file_store: (\d+)", nats_conf(tmp_path, config, 4222, 8222, "/secret"))

    assert room is not None
    assert int(room[1]) >= 12 * 1024**3


def test_both_servers_listen_on_loopback_only(tmp_path: Path) -> None:
    conf = nats_conf(tmp_path, NatsConfig(), 4222, 8222, "/secret")

    assert 'host: "127.0.0.1"' in conf
    assert 'http: "127.0.0.1:8222"' in conf
    assert "bind 127.0.0.1\n" in store_conf(tmp_path, 6379, tmp_path / "acl")


def test_the_path_of_the_monitor_is_another_secret_at_each_start(tmp_path: Path) -> None:
    server = EmbeddedNats(tmp_path / "nats-server", tmp_path, completed(), NatsConfig())
    paths = set()
    for _ in range(2):
        server.prepare(Ports(), {})
        path = server.monitor_url.rpartition("/")[2]
        assert len(path) == 32
        assert f'http_base_path: "/{path}"' in (tmp_path / "nats.conf").read_text()
        paths.add(path)
    assert len(paths) == 2


def test_the_store_does_not_evict_and_appends_every_write(tmp_path: Path) -> None:
    lines = store_conf(tmp_path, 6379, tmp_path / "acl").splitlines()

    assert "maxmemory-policy noeviction" in lines
    assert "appendonly yes" in lines


def test_a_data_directory_with_spaces_and_quotes_is_written_so_that_it_is_read_back(tmp_path: Path) -> None:
    folder = tmp_path / 'a "b" ü'

    assert f"dir {json.dumps(str(folder), ensure_ascii=False)}" in store_conf(folder, 6379, folder / "acl")


def test_stacks_on_different_directories_have_different_server_names(tmp_path: Path) -> None:
    assert server_name(tmp_path / "a") != server_name(tmp_path / "b")


def test_the_wheels_programs_are_found() -> None:
    assert os.access(find_nats_server(), os.X_OK)
    assert os.access(find_store_server(), os.X_OK)


def test_a_program_that_is_named_is_used_instead(tmp_path: Path) -> None:
    own = tmp_path / "redis-server"
    own.write_text("#!/bin/sh\n", encoding="utf-8")
    own.chmod(0o755)

    assert find_store_server(str(own)) == own
    assert find_nats_server(str(own)) == own


def test_a_missing_program_is_reported_with_its_setting() -> None:
    with pytest.raises(ProgramMissing, match=r"nats\.server: '/nowhere/nats-server' is not an executable program"):
        find_nats_server("/nowhere/nats-server")
