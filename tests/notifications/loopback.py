"""A server on the loopback that keeps what reaches it and answers as it is told to."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from quantum_scheduler.testing.loopback import LoopbackHttp, Reply, Request, reply_json


@dataclass
class Server:
    """An HTTP server that answers in turn with the `answers` that are left, and then with 200 and `default`."""

    url: str = ""
    default: object = None
    requests: list[Request] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], object]] = field(default_factory=list)

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        status, headers, answer = self.answers.pop(0) if self.answers else (200, {}, self.default)
        if isinstance(answer, str):
            return Reply(status=status, body=answer.encode(), headers=headers)
        return reply_json(answer, status=status, headers=headers)


@contextmanager
def serve_http(default: object) -> Iterator[Server]:
    """Serve on a free port."""
    server = Server(default=default)
    http = LoopbackHttp(server.answer, name="tests.loopback")
    http.start()
    server.url = http.url
    try:
        yield server
    finally:
        http.stop()
