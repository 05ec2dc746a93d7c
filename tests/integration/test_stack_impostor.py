"""A program that takes the port of NATS or of the store while they start gets no password, and is not believed."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec
import pytest

from pointsman.cli.stack.embedded_servers import server_name
from pointsman.cli.stack.server_programs import find_nats_server, find_store_server
from pointsman.cli.stack.stack import Stack
from pointsman.contracts.config import Config
from tests.support.impostor import nats_greeting
from tests.support.repository import ROOT

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows who accepted a connection"),
]

_PROGRAM = """\
#!{python}
# At its first start an impostor comes first; then the real server, which finds its port in use.
import os, pathlib, re, subprocess, sys, time
log = pathlib.Path({log!r})
if not log.exists():
    port = re.search(r"^port:? (\\d+)", pathlib.Path(sys.argv[-1]).read_text(), re.M)[1]
    impostor = subprocess.Popen([{python!r}, {script!r}, port, {greeting!r}, {log!r}], start_new_session=True)
    pathlib.Path({pid_file!r}).write_text(f"{{impostor.pid}} {{port}}")
    while not log.exists():
        time.sleep(0.01)
os.execv({real!r}, [{real!r}, *sys.argv[1:]])
"""


@pytest.mark.parametrize("server", ["nats", "redis"])
async def test_a_program_on_the_port_of_a_starting_server_is_handed_nothing(
    tmp_path: Path, server: Literal["nats", "redis"]
) -> None:
    data, log, pid_file, program = (tmp_path / name for name in ("data", "impostor.log", "impostor.pid", "server"))
    text = _PROGRAM.format(
        python=sys.executable,
        script=str(ROOT / "tests/support/impostor.py"),
        greeting=nats_greeting(server_name(data)) if server == "nats" else "",
        log=str(log),
        pid_file=str(pid_file),
        real=str(find_nats_server() if server == "nats" else find_store_server()),
    )
    program.write_text(text, encoding="utf-8")
    program.chmod(0o755)
    dummies = dict.fromkeys(("gateway", "decision"), "tests.integration.dummies.service")
    config = msgspec.convert({server: {"server": str(program)}}, Config)
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    try:
        async with Stack(config, data_dir=data, port=0, modules=dummies, environ=environ) as stack:
            content = stack.describe()
            address = (content.nats if server == "nats" else content.store)[0]
        assert urlsplit(address.url).port != int(pid_file.read_text().split()[1])
        handed = log.read_bytes().replace(b"listening\n", b"").replace(b"connection\n", b"")
        assert handed == b""
    finally:
        os.kill(int(pid_file.read_text().split()[0]), signal.SIGKILL)
