"""Let no request in that is one too many, tell every answer how the limits stand, and count what was asked."""

import time
from collections.abc import Awaitable, Callable, Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from quantum_scheduler.accounts.limits.admit import Gate
from quantum_scheduler.accounts.limits.headers import write_headers
from quantum_scheduler.accounts.limits.meter import RequestMeter
from quantum_scheduler.accounts.limits.model import LimitRefused
from quantum_scheduler.accounts.network import Network, find_client, name_network

# What tells how the service is and what it is must answer when nothing else does.
EXEMPT = frozenset(
    {
        "/metrics",
        "/v1/health",
        "/v1/backends/health",
        "/v1/openapi.json",
        "/v1/problem-schema",
        "/docs",
        "/docs/style.css",
    }
)
NO_ROUTE = "none"


class LimitRequests:
    """Pure ASGI middleware: asks the layer of the network, and leaves `state.admit` for whoever finds out who it is."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        gate: Gate,
        meter: RequestMeter,
        proxies: Sequence[Network],
        answer_error: Callable[[Request, Exception], Awaitable[Response]],
    ) -> None:
        self.app = app
        self.gate = gate
        self.meter = meter
        self.proxies = proxies
        self.answer_error = answer_error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] in EXEMPT:
            if scope["type"] == "http":
                scope["state"] |= {"admit": _admit_anybody, "standings": []}
            await self.app(scope, receive, send)
            return
        visit = self.gate.visit(self._name_network(scope))
        scope["state"] |= {"admit": visit.admit, "standings": visit.standings}
        started_at = answered_at = time.perf_counter()
        status = 500  # until an answer says otherwise

        async def send_with_standings(message: Message) -> None:
            nonlocal status, answered_at
            if message["type"] == "http.response.start":
                status, answered_at = message["status"], time.perf_counter()
                MutableHeaders(scope=message).update(write_headers(visit.standings))
            await send(message)

        try:
            await visit.knock()
            await self.app(scope, receive, send_with_standings)
        except LimitRefused as refused:
            response = await self.answer_error(Request(scope), refused)
            await response(scope, receive, send_with_standings)
        finally:
            visit.leave()
            self.meter.record(
                getattr(scope.get("route"), "path", NO_ROUTE),
                status,
                ms=None if b"wait=" in scope["query_string"] else (answered_at - started_at) * 1000,
                org_id=visit.org_id,
                is_shadowed=visit.is_shadowed,
                request_id=scope["state"].get("request_id"),
            )

    def _name_network(self, scope: Scope) -> str:
        peer = scope["client"][0] if scope.get("client") else None
        forwarded = Headers(scope=scope).getlist("x-forwarded-for")
        return name_network(find_client(peer, forwarded, self.proxies))


async def _admit_anybody(_principal: object) -> None:
    """Let through whoever asks what is exempt."""
