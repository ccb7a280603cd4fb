"""A small HTTP server on 127.0.0.1 in threads of its own: one function from request to reply."""

import json
import threading
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

HOST = "127.0.0.1"
BODY_BYTES_MAX = 256 * 2**20
# How long a client may take to send what it has announced.
READ_TIMEOUT_S = 30.0


class ConnectionDropped(Exception):  # noqa: N818  an error is named for what happened
    """Raised by an answer function to close the connection without a word."""


class Refused(Exception):  # noqa: N818
    """Raised by an answer function to answer with an error of the vendor's: its status, its code and its words."""

    def __init__(self, status: int, code: str | int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client asked. Header names are in lower case; of a repeated query parameter the last value counts."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Read the body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What it is answered."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def reply_json(document: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Answer with a JSON document."""
    body = json.dumps(document, allow_nan=False).encode()
    return Reply(status=status, body=body, headers={"Content-Type": "application/json", **(headers or {})})


class LoopbackHttp:
    """Answers every request with `answer`, each in a thread of its own; one request a connection."""

    def __init__(self, answer: Callable[[Request], Reply], *, name: str) -> None:
        self._answer = answer
        self._name = name
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it listens, such as http://127.0.0.1:4711."""
        assert self._server is not None
        return f"http://{HOST}:{self._server.server_address[1]}"

    def start(self, port: int = 0) -> None:
        """Listen on `port`, or on any that is free. Raises OSError where it is taken."""
        answer = self._answer

        class Handler(BaseHTTPRequestHandler):
            timeout = READ_TIMEOUT_S

            def do_GET(self) -> None:
                _serve(self, answer)

            do_PUT = do_POST = do_DELETE = do_PATCH = do_GET  # noqa: N815  the names are http.server's

            def log_message(self, *_: object) -> None:
                """Say nothing: requests hold keys."""

        self._server = ThreadingHTTPServer((HOST, port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True, name=self._name
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop listening; safe to repeat."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = self._thread = None


def _serve(handler: BaseHTTPRequestHandler, answer: Callable[[Request], Reply]) -> None:
    handler.close_connection = True
    length = int(handler.headers.get("Content-Length") or 0)
    if length > BODY_BYTES_MAX:
        handler.send_error(413)
        return
    split = urlsplit(handler.path)
    body = handler.rfile.read(length)
    request = Request(
        method=handler.command,
        path=split.path,
        query={name: values[-1] for name, values in parse_qs(split.query).items()},
        headers={name.lower(): value for name, value in handler.headers.items()},
        body=zlib.decompress(body) if handler.headers.get("Content-Encoding") == "deflate" else body,
    )
    try:
        reply = answer(request)
        handler.send_response(reply.status)
        for name, value in {**reply.headers, "Content-Length": str(len(reply.body)), "Connection": "close"}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(reply.body)
    except (ConnectionDropped, ConnectionError):
        return  # on purpose, or the client has left
