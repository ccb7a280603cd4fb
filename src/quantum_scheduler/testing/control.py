"""Control of the stand-ins while they run: their state, and the fault that each has, over HTTP."""

from collections.abc import Mapping
from typing import Any, cast

from quantum_scheduler.testing.faults import FAULTS, Fault
from quantum_scheduler.testing.loopback import LoopbackHttp, Reply, Request, reply_json
from quantum_scheduler.testing.port import VendorServer

NOTICE = "stand-ins on this machine: no vendor, no quantum hardware, no bill"
EXPIRES_MAX_S = 86_400.0


class FaultControl:
    """`GET /` tells how the servers are; `PUT /vendors/NAME/fault` with {"fault", "expires_s"} gives one a fault."""

    def __init__(self, servers: Mapping[str, VendorServer]) -> None:
        self._servers = servers
        self._http = LoopbackHttp(self._answer, name="vendors.control")

    @property
    def url(self) -> str:
        """Where it listens."""
        return self._http.url

    def start(self, port: int = 0) -> None:
        """Listen on `port`, or on any that is free. Raises OSError where it is taken."""
        self._http.start(port)

    def stop(self) -> None:
        """Stop listening; safe to repeat."""
        self._http.stop()

    def describe(self) -> dict[str, Any]:
        """Say of each server which fault it has, how many submissions it took and how it is reached."""
        return {"notice": NOTICE, "vendors": [_describe(server) for server in self._servers.values()]}

    def _answer(self, request: Request) -> Reply:
        match request.method, request.path.strip("/").split("/"):
            case "GET", [""] | ["vendors"]:
                return reply_json(self.describe())
            case "PUT", ["vendors", name, "fault"]:
                return self._set_fault(name, request)
            case _:
                return reply_json({"error": "GET / or PUT /vendors/NAME/fault"}, status=404)

    def _set_fault(self, name: str, request: Request) -> Reply:
        server = self._servers.get(name)
        if server is None:
            error = f"no vendor is called {name!r}; there are {', '.join(self._servers)}"
            return reply_json({"error": error}, status=404)
        try:
            fault, expires_s = _read_order(request)
        except ValueError as error:
            return reply_json({"error": str(error)}, status=422)
        server.switch.set(fault, expires_s=expires_s)
        return reply_json(_describe(server))


def _read_order(request: Request) -> tuple[Fault, float | None]:
    """Read {"fault", "expires_s"}. Raises ValueError."""
    order = request.json()
    if not isinstance(order, dict) or order.get("fault") not in FAULTS:
        raise ValueError(f"fault must be one of {', '.join(FAULTS)}")
    expires_s = order.get("expires_s")
    if expires_s is not None and not (isinstance(expires_s, int | float) and 0 < expires_s <= EXPIRES_MAX_S):
        raise ValueError(f"expires_s must be a number above 0 and at most {EXPIRES_MAX_S:g}")
    return cast("Fault", order["fault"]), expires_s


def _describe(server: VendorServer) -> dict[str, Any]:
    return {
        "name": server.name,
        "fault": server.switch.fault(),
        "expires_s": server.switch.left_s(),
        "submissions": len(server.submissions()),
        "environment": dict(server.environment()),
    }
