"""What people and runbooks may do to the routing and to the backends. Everything here may be done twice.

All of it is kept in the database, so that it holds at once for every worker.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from quantum_scheduler.backends.load import BackendUnknown, list_backends
from quantum_scheduler.backends.model import Health
from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.secrets.reveal import reveal_surely
from quantum_scheduler.secrets.seal import FindKeyring
from quantum_scheduler.solving.attempt import HEALTH_FRESH_S
from quantum_scheduler.solving.call import Wire
from quantum_scheduler.solving.probe import CanaryName, CanaryReport, probe, run_canary
from quantum_scheduler.solving.routing_model import CLASSICAL, SHARE_FULL, BackendState, Breaker, Override, Rules
from quantum_scheduler.solving.rules import read_latest_rules
from quantum_scheduler.solving.store import breaker as store
from quantum_scheduler.solving.store import rules as rules_store


class ShareInvalid(ValueError):  # noqa: N818  an error is named for what happened
    """A share is not a whole number of percent from 0 to 100."""


async def open_breaker(conn: Connection, backend: str, *, reason: str, expires_at: datetime | None = None) -> Breaker:
    """`breaker.open`: let no job go to a backend until it is closed, or until then. Raises BackendUnknown."""
    _check(backend)
    async with conn.transaction():
        known = await store.lock_breaker(conn, backend)
        since = known.since if known.is_manual else await store.read_clock(conn)
        opened = replace(
            known, state="open", since=since, probe_at=None, reason=reason, is_manual=True, expires_at=expires_at
        )
        await store.write_breaker(conn, opened)
    return opened


async def close_breaker(conn: Connection, backend: str) -> Breaker:
    """`breaker.close`: let jobs go to a backend again, and forget what it has failed. Raises BackendUnknown."""
    _check(backend)
    async with conn.transaction():
        await store.lock_breaker(conn, backend)
        closed = Breaker(backend=backend, since=await store.read_clock(conn))
        await store.write_breaker(conn, closed)
    return closed


async def reset_breakers(conn: Connection, backend: str | None = None) -> list[Breaker]:
    """`breaker.reset`: close the breaker of a backend, or all of them. Raises BackendUnknown."""
    names = [name for name in list_backends() if name != CLASSICAL] if backend is None else [backend]
    return [await close_breaker(conn, name) for name in names]


async def ramp(conn: Connection, backend: str, percent: int) -> bool:
    """`ramp`: give a backend so many percent of the jobs that it could take; False where it had so many.

    Which jobs these are follows from their ids: a job is among the 20 % if it is among the 10 %.
    Raises BackendUnknown, ShareInvalid.
    """
    _check(backend)
    if not 0 <= percent <= SHARE_FULL:
        raise ShareInvalid(f"a share is 0 to {SHARE_FULL} percent, not {percent}")
    return await store.set_share(conn, backend, percent)


async def probe_backend(conn: Connection, wire: Wire, find: FindKeyring, backend: str) -> Health:
    """`backends.probe`: ask a backend now how it is, for all workers to know. Outside a transaction.

    Raises BackendUnknown.
    """
    _check(backend)
    return await probe(conn, wire, backend, await reveal_surely(conn, find, backend))


async def canary(
    conn: Connection,
    wire: Wire,
    find: FindKeyring,
    backend: str,
    *,
    key: str,
    problem: CanaryName = "known-optimum-6",
) -> CanaryReport:
    """`backends.canary`: have a backend solve a problem of known optimum, at its price. Outside a transaction.

    `key` names the submission; the same key is not submitted twice where the vendor can tell. Raises BackendUnknown.
    """
    _check(backend)
    return await run_canary(wire, backend, await reveal_surely(conn, find, backend), key=key, name=problem)


async def classical_only(conn: Connection, is_on: bool, *, reason: str, expires_at: datetime | None = None) -> None:
    """`solving.classical_only`: solve everything classically, or not, whatever the workers' environment says."""
    await rules_store.set_override(conn, "classical_only", is_on, reason=reason, expires_at=expires_at)


async def set_priority(
    conn: Connection, backends: Sequence[str], *, reason: str, expires_at: datetime | None = None
) -> None:
    """`solving.set_priority`: prefer these quantum backends, in this order, whatever the workers' environment says.

    It holds until it is cleared, until then, or until workers start with another QUANTUM_BACKEND_PRIORITY.
    Raises BackendUnknown.
    """
    for backend in backends:
        _check(backend)
    await rules_store.set_override(conn, "priority", list(backends), reason=reason, expires_at=expires_at)


async def put_last(
    conn: Connection, backend: str, *, reason: str, expires_at: datetime | None = None
) -> tuple[str, ...]:
    """`solving.put_last`: prefer every other quantum backend that is in use to this one, and return the order then.

    It is still asked how it is, so that one sees when it is well again. Raises BackendUnknown.
    """
    _check(backend)
    async with conn.transaction():
        order = (await read_latest_rules(conn)).priority
        last = (*(each for each in order if each != backend), *(each for each in order if each == backend))
        if last != order:
            await rules_store.set_override(conn, "priority", list(last), reason=reason, expires_at=expires_at)
    return last


async def clear_override(conn: Connection, name: str) -> bool:
    """`solving.clear`: leave `priority` or `classical_only` to the workers' environment; False where it was."""
    return await rules_store.clear_override(conn, name)


async def list_overrides(conn: Connection) -> list[Override]:
    """List what operators decided and still holds."""
    return await rules_store.find_overrides(conn)


async def show_routing(conn: Connection) -> tuple[Rules, list[BackendState]]:
    """Show the rules that hold now and every backend but the classical one, those of the priority first."""
    rules = await read_latest_rules(conn)
    names = dict.fromkeys([*rules.priority, *(name for name in list_backends() if name != CLASSICAL)])
    return rules, await store.find_backends(conn, list(names), fresh_s=HEALTH_FRESH_S)


def _check(backend: str) -> None:
    if backend not in list_backends() or backend == CLASSICAL:
        raise BackendUnknown(backend)
