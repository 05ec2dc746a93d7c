"""Which process accepted a connection on loopback: a server is identified before it receives a password.

Another program may listen on the port of a server that has ended, and every client that reconnects would send its login
to it. Linux shows which socket accepted a connection (``/proc/net/tcp``), and which process has that socket.
"""

import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ACCEPT_TIMEOUT_S = 2.0
_POLL_INTERVAL_S = 0.005

Address = tuple[Any, ...]
"""Host and port; two more numbers for IPv6."""


class WrongPeer(ConnectionError):
    """The process that accepted a connection is not a child of the supervisor."""


class _Socket(NamedTuple):
    """A row of the kernel's table; ``inode`` is 0 until the connection is accepted."""

    own: str
    peer: str
    inode: int


def can_identify() -> bool:
    """Return whether this system shows who accepted a connection; tried with a connection to this process."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        accepted, _ = server.accept()
        with accepted:
            inode = _accepting_inode(client.getsockname(), client.getpeername())
            return inode != 0 and inode in _sockets_of(os.getpid())


async def check_peer(writer: asyncio.StreamWriter, supervisor: int | None) -> None:
    """Close the connection and raise `WrongPeer` unless a child process of ``supervisor`` accepted it.

    None accepts every peer. The kernel's table is read in a thread: it is long where many connections are open.
    """
    if supervisor is None:
        return
    own, peer = writer.get_extra_info("sockname"), writer.get_extra_info("peername")
    if own is None or peer is None or not await asyncio.to_thread(_accepted_by_child, own, peer, supervisor):
        writer.close()
        where = f"{peer[0]}:{peer[1]}" if peer else "the other end"
        raise WrongPeer(f"{where} is a program that this stack did not start; no login was sent to it")


def _accepted_by_child(own: Address, peer: Address, supervisor: int) -> bool:
    deadline = time.monotonic() + ACCEPT_TIMEOUT_S
    while (inode := _accepting_inode(own, peer)) == 0:
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_INTERVAL_S)
    return inode in _sockets_of(*_children(supervisor))


def _accepting_inode(own: Address, peer: Address) -> int:
    """Return the inode of the other end of a connection; 0 while it is not accepted."""
    wanted = [(_kernel_form(*peer[:2]), _kernel_form(*own[:2]))]
    if ":" not in own[0]:  # it may have been accepted by a socket that serves IPv6 too
        wanted.append((_kernel_form(f"::ffff:{peer[0]}", peer[1]), _kernel_form(f"::ffff:{own[0]}", own[1])))
    return next((row.inode for row in _table() if (row.own, row.peer) in wanted), 0)


def _kernel_form(host: str, port: int) -> str:
    """Return an address as the kernel's table has it: words of 32 bits in the byte order of the machine."""
    packed = socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host.partition("%")[0])
    words = (int.from_bytes(packed[at : at + 4], sys.byteorder) for at in range(0, len(packed), 4))
    return f"{''.join(f'{word:08X}' for word in words)}:{port:04X}"


def _table() -> Iterator[_Socket]:
    """Yield the TCP sockets of this network namespace; nothing on a system that does not show them."""
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in Path("/proc/net", name).read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                yield _Socket(fields[1], fields[2], int(fields[9]))


def _children(parent: int) -> Iterator[int]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                status = (folder / "stat").read_text(encoding="utf-8", errors="replace")
                if int(status.rpartition(")")[2].split()[1]) == parent:
                    yield int(folder.name)


def _sockets_of(*pids: int) -> set[int]:
    """Return the inodes of the sockets of processes."""
    found = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for entry in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    kind, _, inode = str(entry.readlink()).partition(":")
                    if kind == "socket":
                        found.add(int(inode.strip("[]")))
    return found
