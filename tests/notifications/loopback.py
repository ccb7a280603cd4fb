"""Servers on the loopback that check what reaches them as the services themselves would."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Request:
    """A request as it came."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body, which must be a JSON object."""
        document = json.loads(self.body)
        assert isinstance(document, dict)
        return document


@dataclass
class Server:
    """An HTTP server that answers in turn with the `answers` that are left, and then with 200 and `default`."""

    url: str = ""
    default: object = None
    requests: list[Request] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], object]] = field(default_factory=list)


@contextmanager
def serve_http(default: object) -> Iterator[Server]:
    """Serve on a free port."""
    server = Server(default=default)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.requests.append(Request(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            status, headers, answer = server.answers.pop(0) if server.answers else (200, {}, server.default)
            content = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  as the library names it
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        server.url = f"http://127.0.0.1:{http.server_port}"
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()
