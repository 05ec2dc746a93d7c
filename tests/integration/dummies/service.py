"""Stands in for any service under the supervisor: answers ``/readyz`` at the port that it was given.

``DUMMY`` in the environment makes it behave badly: ``wrong-configuration`` ends with 2, ``crash`` with 1,
``not-ready`` answers 503, ``stubborn`` ignores SIGTERM.
"""

from __future__ import annotations

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

BEHAVIOUR = os.environ.get("DUMMY", "")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # the name that http.server calls
        body = b'{"checks":{"nats":"ok","store":"on holiday"}}'
        self.send_response(503 if BEHAVIOUR == "not-ready" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> int:
    print(f"the dummy is {BEHAVIOUR or 'well'}", flush=True)
    if BEHAVIOUR in ("wrong-configuration", "crash"):
        return 2 if BEHAVIOUR == "wrong-configuration" else 1
    if BEHAVIOUR == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    port = os.environ.get("POINTSMAN_PROBE_PORT") or os.environ["POINTSMAN_GATEWAY_PORT"]
    with HTTPServer(("127.0.0.1", int(port)), Handler) as server:
        server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
