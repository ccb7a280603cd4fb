"""Actions on the backends, and on which jobs go there."""

from typing import Literal

from quantum_scheduler.runbooks.actions.desk import ActionFailed, Desk
from quantum_scheduler.runbooks.actions.row import Action, write
from quantum_scheduler.solving import actions
from quantum_scheduler.solving.probe import CanaryName, CanaryReport
from quantum_scheduler.solving.routing_model import SHARE_FULL, Breaker


async def open_breaker(desk: Desk, backend: str, *, reason: str = "", minutes: float | None = None) -> Breaker:
    """Let no job go to a backend until its breaker is closed, or for so many minutes."""
    return await actions.open_breaker(desk.conn, backend, reason=desk.why(reason), expires_at=desk.after(minutes))


async def close_breaker(desk: Desk, backend: str) -> Breaker:
    """Let jobs go to a backend again, and forget what it has failed."""
    return await actions.close_breaker(desk.conn, backend)


async def reset_breakers(desk: Desk, backend: str | None = None) -> list[Breaker]:
    """Close the breaker of a backend, or all of them."""
    return await actions.reset_breakers(desk.conn, backend)


async def ramp(desk: Desk, backend: str, percent: int = SHARE_FULL) -> bool:
    """Give a backend so many percent of its jobs and let them go there; over a table, row by row. False if it was so.

    A step with a table of shares calls it for each row with the share of that row.
    """
    if not 0 <= percent <= SHARE_FULL:
        raise ActionFailed(f"a share is 0 to {SHARE_FULL} percent, not {percent}")
    is_changed = await actions.ramp(desk.conn, backend, percent)
    await actions.close_breaker(desk.conn, backend)
    return is_changed


async def probe(desk: Desk, backend: str) -> object:
    """Ask a backend now how it is, for all workers to know; from a terminal they hear of it only where it is well."""
    return await actions.probe_backend(desk.conn, desk.need_wire(), desk.parts.find_keyring, backend)


async def canary(desk: Desk, backend: str, *, problem: CanaryName = "known-optimum-6") -> dict[str, object]:
    """Have a backend solve a problem of known optimum, at its price; `gap` is how far from it the answer is."""
    report = await actions.canary(
        desk.conn, desk.need_wire(), desk.parts.find_keyring, backend, key=f"qs-canary-{desk.key}", problem=problem
    )
    return {**_describe(report), "gap": _gap(report)}


async def classical_only(desk: Desk, is_on: bool, *, reason: str = "", minutes: float | None = None) -> None:
    """Solve everything classically, or not, whatever the workers' environment says."""
    await actions.classical_only(desk.conn, is_on, reason=desk.why(reason), expires_at=desk.after(minutes))


async def set_priority(desk: Desk, backends: list[str], *, reason: str = "", minutes: float | None = None) -> None:
    """Prefer these quantum backends, in this order, whatever the workers' environment says."""
    await actions.set_priority(desk.conn, backends, reason=desk.why(reason), expires_at=desk.after(minutes))


async def put_last(desk: Desk, backend: str, *, reason: str = "", minutes: float | None = None) -> list[str]:
    """Prefer every other quantum backend that is in use to this one; the order as it is then."""
    order = await actions.put_last(desk.conn, backend, reason=desk.why(reason), expires_at=desk.after(minutes))
    return list(order)


async def clear(desk: Desk, name: Literal["priority", "classical_only"]) -> bool:
    """Leave the order of backends, or the classical-only mode, to the workers' environment; False where it was."""
    return await actions.clear_override(desk.conn, name)


def _describe(report: CanaryReport) -> dict[str, object]:
    return {
        "backend": report.backend,
        "passed": report.passed,
        "objective": report.objective,
        "optimum": report.optimum,
        "seconds": report.seconds,
        "message": report.message,
    }


def _gap(report: CanaryReport) -> float | None:
    """By which share of the optimum the answer missed it; None where there is no answer."""
    if report.objective is None:
        return None
    return abs(report.objective - report.optimum) / max(1.0, abs(report.optimum))


ACTIONS: tuple[Action, ...] = (
    write("breaker.open", open_breaker, undo="breaker.close(backend)"),
    write("breaker.close", close_breaker),
    write("breaker.reset", reset_breakers),
    write("ramp", ramp, undo="breaker.open(backend)"),
    write("backends.probe", probe, leaves_home=True),
    write("backends.canary", canary, leaves_home=True),
    write("jobs.canary", canary, leaves_home=True),  # as runbooks say, whose canaries are jobs
    write("solving.classical_only", classical_only, undo='solving.clear("classical_only")'),
    write("solving.set_priority", set_priority, undo='solving.clear("priority")'),
    write("solving.put_last", put_last, undo='solving.clear("priority")'),
    write("solving.clear", clear),
)
