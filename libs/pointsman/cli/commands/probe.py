"""``pointsman probe``: does a URL answer 200? For the health checks of containers, so it imports almost nothing."""

from __future__ import annotations

import argparse
import contextlib
import socket
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pointsman.cli.errors import CommandFailed

if TYPE_CHECKING:
    from pointsman.cli.options import Subparsers


def add_probe(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "probe",
        help="exit 0 when a URL answers 200 (for health checks)",
        description="Asks a URL, and exits 0 when it answers 200, 1 otherwise. Certificates are not checked: a probe "
        "asks its own machine.",
    )
    parser.add_argument("url", metavar="URL", help="as http://127.0.0.1:8080/readyz")
    parser.add_argument("--timeout", metavar="S", type=float, default=3.0, help="seconds to wait (default: 3)")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    parts = urlsplit(options.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CommandFailed(f"expected http://host:port/path or https://…, got {options.url!r}", code=2)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    request = f"GET {path} HTTP/1.0\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
    answer = b""
    try:
        tls = parts.scheme == "https"
        address = (parts.hostname, parts.port or (443 if tls else 80))
        with contextlib.ExitStack() as open_ones:
            connection = open_ones.enter_context(socket.create_connection(address, timeout=options.timeout))
            if tls:
                connection = open_ones.enter_context(_unchecked().wrap_socket(connection))
            connection.sendall(request.encode())
            while chunk := connection.recv(65536):
                answer += chunk
    except OSError as error:
        raise CommandFailed(f"{options.url}: {error}") from error
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
    if len(words) < 2 or words[1] != "200":
        told = body[:500].decode(errors="replace").strip()
        raise CommandFailed(f"{options.url}: {' '.join(words[1:]) or 'no HTTP answer'} {told}".rstrip())
    return 0


def _unchecked() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
