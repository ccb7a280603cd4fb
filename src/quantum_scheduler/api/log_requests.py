"""Give every request an id, every answer its headers, and the log one line for each."""

import re
import time
from collections.abc import Awaitable, Callable
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger()

REQUEST_ID_HEADER = "X-Request-Id"
# Asked every few seconds by whatever watches the service.
ROUTINE = frozenset({"/metrics", "/v1/health"})

_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
# For a service that people reach over TLS: a browser that was here once does not come without it for a year.
_TLS_HEADERS = {**_HEADERS, "Strict-Transport-Security": "max-age=31536000; includeSubDomains"}


class LogRequests:
    """Pure ASGI middleware, outermost, that lets nothing through without an id, an answer and a line in the log.

    An error that nobody has answered becomes the answer that `answer_error` makes of it.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        answer_error: Callable[[Request, Exception], Awaitable[Response]],
        is_secure: bool = False,
    ) -> None:
        self.app = app
        self.answer_error = answer_error
        self.headers = _TLS_HEADERS if is_secure else _HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _choose_request_id(Headers(scope=scope))
        scope.setdefault("state", {})["request_id"] = request_id
        started_at = time.perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID_HEADER] = request_id
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, send_with_headers)
            except Exception as error:
                if status:
                    log.exception("request.broken_off")
                    raise
                response = await self.answer_error(Request(scope), error)
                await response(scope, receive, send_with_headers)
            finally:
                tell = log.debug if scope["path"] in ROUTINE else log.info
                tell(
                    "request.answered",
                    method=scope["method"],
                    path=scope.get("raw_path", b"").decode("latin-1"),
                    status=status,
                    ms=round((time.perf_counter() - started_at) * 1000, 1),
                )


def _choose_request_id(headers: Headers) -> str:
    given = headers.get(REQUEST_ID_HEADER, "")
    return given if _SANE_REQUEST_ID.fullmatch(given) else uuid4().hex
