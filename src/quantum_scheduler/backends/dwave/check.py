"""Ask D-Wave how its solvers are: one request, and nothing of the SDK is loaded for it."""

import time
from typing import Any
from urllib.parse import urljoin

import httpx2

from quantum_scheduler.backends.dwave.access import Access, judge_message, refusal
from quantum_scheduler.backends.dwave.choose import PROBLEM_TYPES, Mode, Route
from quantum_scheduler.backends.model import BackendError, ErrorKind, Health
from quantum_scheduler.backends.trust import find_trust
from quantum_scheduler.backends.within import call_within

SUMMARY = "none,+identity,+status,+avg_load,+properties.supported_problem_types"
ACCEPT = "application/vnd.dwave.sapi.solver-definition-list+json; version=3.0.0"
KINDS: dict[int, ErrorKind] = {401: "auth", 403: "auth", 429: "rate_limit"}
# Of its capacity, from 0 to 1: a solver this busy still takes jobs.
BUSY = 0.95


def check_solvers(access: Access, mode: Mode, timeout_s: float) -> Health:
    """Say whether the solvers that `mode` may use are online."""
    began_s = time.monotonic()
    try:
        solvers = call_within(timeout_s, lambda: _list_solvers(access, timeout_s), what="dwave's list of solvers")
    except BackendError as error:
        return Health(status="down", error=error.kind, message=str(error))
    latency_ms = 1000 * (time.monotonic() - began_s)
    routes: tuple[Route, ...] = ("qpu", "bqm", "cqm") if mode == "auto" else (mode,)
    missing = [route for route in routes if not _online(solvers, route, access)]
    message = f"no solver is online for {', '.join(missing)} problems" if missing else ""
    if len(missing) == len(routes):
        return Health(status="down", latency_ms=latency_ms, error="offline", message=f"dwave: {message}")
    busy = all(solver.get("avg_load", 0) > BUSY for route in routes for solver in _online(solvers, route, access))
    if missing or busy:
        return Health(status="degraded", latency_ms=latency_ms, message=f"dwave: {message or 'every solver is busy'}")
    return Health(status="up", latency_ms=latency_ms)


def _list_solvers(access: Access, timeout_s: float) -> list[dict[str, Any]]:
    """Raises BackendError."""
    try:
        response = httpx2.get(
            urljoin(access.endpoint.rstrip("/") + "/", "solvers/remote/"),
            params={"filter": SUMMARY},
            headers={"X-Auth-Token": access.token, "Accept": ACCEPT},
            timeout=timeout_s,
            verify=find_trust(),
        )
        if response.status_code == httpx2.codes.OK:
            solvers: list[dict[str, Any]] = response.json()
            return solvers
    except httpx2.TimeoutException as error:
        raise refusal("timeout", f"no answer within {timeout_s:g} s", access) from error
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        raise refusal("unavailable", f"{type(error).__name__} at {access.endpoint}", access) from error
    kind = judge_message(response.text, KINDS.get(response.status_code, "unavailable"))
    raise refusal(kind, f"{response.status_code} {response.text}", access)


def _online(solvers: list[dict[str, Any]], route: Route, access: Access) -> list[dict[str, Any]]:
    return [
        solver
        for solver in solvers
        if PROBLEM_TYPES[route] in solver.get("properties", {}).get("supported_problem_types", ())
        and str(solver.get("status", "")).upper() == "ONLINE"
        and access.solver in (None, solver.get("identity", {}).get("name"))
    ]
