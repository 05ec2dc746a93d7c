"""A tiny OTLP collector: takes spans over HTTP, as a real one does, and keeps them."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.support.waiting import wait_until

SAMPLED, NOT_SAMPLED = "01", "00"


class ReceivedSpan(NamedTuple):
    """A span, with its ids in hex as headers have them."""

    name: str
    service: str
    instance: str
    trace_id: str
    span_id: str
    parent_id: str
    links: tuple[str, ...]
    attributes: dict[str, Any]
    failed: bool
    began_ns: int
    ended_ns: int


class Collector:
    """Serves ``/v1/traces`` on a free port of loopback."""

    def __init__(self) -> None:
        self._spans: list[ReceivedSpan] = []
        self._lock = threading.Lock()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.path == "/v1/traces", self.path
                collector._take(ExportTraceServiceRequest.FromString(body))
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def trace(self, trace_id: str, names: set[str]) -> dict[str, list[ReceivedSpan]]:
        """Return the spans of a trace by name, once it has spans of all these names."""

        def found() -> dict[str, list[ReceivedSpan]]:
            by_name: dict[str, list[ReceivedSpan]] = {}
            for span in self.spans():
                if span.trace_id == trace_id:
                    by_name.setdefault(span.name, []).append(span)
            return by_name

        try:
            wait_until(lambda: names <= found().keys(), f"spans {sorted(names)}")
        except AssertionError as error:
            raise AssertionError(f"{error}; there are {sorted(found())}") from None
        return found()

    def spans(self) -> list[ReceivedSpan]:
        """Return all spans so far."""
        with self._lock:
            return list(self._spans)

    def _take(self, request: ExportTraceServiceRequest) -> None:
        for resource in request.resource_spans:
            of = {item.key: item.value.string_value for item in resource.resource.attributes}
            for scope in resource.scope_spans:
                for span in scope.spans:
                    received = ReceivedSpan(
                        name=span.name,
                        service=of["service.name"],
                        instance=of["service.instance.id"],
                        trace_id=span.trace_id.hex(),
                        span_id=span.span_id.hex(),
                        parent_id=span.parent_span_id.hex(),
                        links=tuple(link.trace_id.hex() for link in span.links),
                        attributes={item.key: _value(item.value) for item in span.attributes},
                        failed=span.status.code == span.status.STATUS_CODE_ERROR,
                        began_ns=span.start_time_unix_nano,
                        ended_ns=span.end_time_unix_nano,
                    )
                    with self._lock:
                        self._spans.append(received)


def _value(value: Any) -> Any:
    return getattr(value, value.WhichOneof("value"))
