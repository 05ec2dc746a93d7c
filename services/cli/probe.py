"""``pointsman probe``: does a URL answer 200? For the health checks of containers, so it imports almost nothing."""

from __future__ import annotations

import argparse
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from services.cli.errors import CommandFailed

if TYPE_CHECKING:
    from services.cli.options import Subparsers


def add_probe(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "probe",
        help="exit 0 when a URL answers 200 (for health checks)",
        description="Asks a plain-HTTP URL, and exits 0 when it answers 200, 1 otherwise.",
    )
    parser.add_argument("url", metavar="URL", help="as http://127.0.0.1:8080/readyz")
    parser.add_argument("--timeout", metavar="S", type=float, default=3.0, help="seconds to wait (default: 3)")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    parts = urlsplit(options.url)
    if parts.scheme != "http" or not parts.hostname:
        raise CommandFailed(f"expected http://host:port/path, got {options.url!r}", code=2)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    request = f"GET {path} HTTP/1.0\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
    answer = b""
    try:
        with socket.create_connection((parts.hostname, parts.port or 80), timeout=options.timeout) as connection:
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
