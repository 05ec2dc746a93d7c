"""The command ``pointsman probe``: whether a URL returns 200. Health checks run it often, so it imports little."""

import argparse
import http.client

from pointsman.cli.errors import CommandFailed
from pointsman.runtime.http import blocking
from pointsman.runtime.http.errors import HttpError

MAX_TIMEOUT_S = 3600.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        "Sends a GET to a URL and exits with 0 when the status is 200, else with 1. Certificates are not checked: "
        "a probe asks its own machine."
    )
    parser.add_argument("url", metavar="URL", help="as http://127.0.0.1:8080/readyz")
    parser.add_argument("--timeout", metavar="S", type=float, default=3.0, help="seconds to wait (default: 3)")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if not 0.0 < options.timeout <= MAX_TIMEOUT_S:
        raise CommandFailed(f"--timeout: expected more than 0 and at most {MAX_TIMEOUT_S:g}, got {options.timeout}", 2)
    try:
        response = blocking.get(options.url, options.timeout, verify_tls=False)
    except ValueError as error:
        raise CommandFailed(str(error), code=2) from error
    except HttpError as error:
        raise CommandFailed(f"{options.url}: {error}") from error
    if response.status != 200:
        phrase = http.client.responses.get(response.status, "")
        text = response.body[:500].decode(errors="replace").strip()
        raise CommandFailed(f"{options.url}: {response.status} {phrase} {text}".rstrip())
    return 0
