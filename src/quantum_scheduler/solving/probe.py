"""Ask backends how they are, and put them to the test with a problem whose answer is known."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from quantum_scheduler.accounts.quota.look_up import record_upstream
from quantum_scheduler.accounts.quota.model import UpstreamQuota
from quantum_scheduler.backends.load import is_local
from quantum_scheduler.backends.model import BackendError, Health
from quantum_scheduler.postgres.connect import Connection, Pool
from quantum_scheduler.solving.call import Credentials, Wire
from quantum_scheduler.solving.model import SolveRequest
from quantum_scheduler.solving.store import breaker as store

# Each backend is asked so often, by one of the workers.
CHECK_EVERY_S = 15.0
# And so often while it is not well, or when it has just failed a job.
CHECK_SOON_S = 4.0
CANARY_TIMEOUT_S = 120.0
CANARY_POLL_S = 0.2
WAITS = ("queued", "running")

# Six variables that all depend on each other; every state was counted, and -9 is the least energy.
CANARY_OPTIMUM = -9
_CANARY = {
    "linear": [["a", 3], ["b", -5], ["c", 2], ["d", 0], ["e", -1], ["f", 4]],
    "quadratic": [
        ["a", "b", -4],
        ["a", "f", -7],
        ["b", "c", 6],
        ["c", "d", -5],
        ["d", "e", 3],
        ["b", "e", 2],
        ["a", "c", 1],
    ],
}
CanaryName = Literal["known-optimum-6", "known-optimum-24"]
# How many of them, side by side and apart from each other, make the problem of this name.
COPIES: dict[CanaryName, int] = {"known-optimum-6": 1, "known-optimum-24": 4}


def write_canary(name: CanaryName) -> dict[str, Any]:
    """Write the problem of a name as our JSON."""
    copies = range(COPIES[name])
    linear = [[f"{variable}{copy}", bias] for copy in copies for variable, bias in _CANARY["linear"]]
    quadratic = [[f"{one}{copy}", f"{two}{copy}", bias] for copy in copies for one, two, bias in _CANARY["quadratic"]]
    return {"kind": "binary", "vartype": "BINARY", "linear": linear, "quadratic": quadratic}


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryReport:
    """What a backend made of the canary: whether it found the known optimum, and how long it took."""

    backend: str
    passed: bool
    objective: float | None
    optimum: float
    seconds: float
    message: str = ""


async def probe(conn: Connection, wire: Wire, backend: str, credentials: Credentials) -> Health:
    """Ask a backend how it is and write it down. Outside a transaction: the vendor may take its time.

    That it is down is not written by a process outside the service.
    """
    health = await wire.check(backend, credentials)
    if wire.is_at_work or health.status != "down":
        await _note(conn, backend, health)
    return health


async def probe_due(
    pool: Pool, wire: Wire, backends: Sequence[str], find_credentials: Callable[[str], Awaitable[Credentials]]
) -> None:
    """Ask those of the backends that nobody has asked lately, all at once."""
    if not backends:
        return
    async with pool.acquire() as conn:
        due = await store.claim_checks(conn, backends, every_s=CHECK_EVERY_S, soon_s=CHECK_SOON_S)

    async def ask(backend: str) -> None:
        health = await wire.check(backend, await find_credentials(backend))
        async with pool.acquire() as conn:
            await _note(conn, backend, health)

    await asyncio.gather(*(ask(backend) for backend in due))


async def _note(conn: Connection, backend: str, health: Health) -> None:
    """Write down how a backend is, and how the quotas with its vendor stand."""
    async with conn.transaction():
        await store.note_health(conn, backend, health)
        for quota in health.quotas:
            await record_upstream(
                conn,
                UpstreamQuota(
                    backend=backend,
                    meter=quota.unit,
                    used=quota.used,
                    amount=quota.limit,
                    resets_at=quota.period_ends_at,
                ),
            )


async def run_canary(
    wire: Wire, backend: str, credentials: Credentials, *, key: str, name: CanaryName = "known-optimum-6"
) -> CanaryReport:
    """Have a backend solve the canary, whatever it costs, and verify the answer; no failure is raised."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    objective, message = None, ""
    try:
        async with asyncio.timeout(CANARY_TIMEOUT_S):
            objective = (await _solve_canary(wire, backend, credentials, key, name))["objective"]
    except BackendError as error:
        message = f"{error.kind}: {error}"
    except LookupError as error:
        message = f"invalid: {error}"
    except TimeoutError:
        message = f"timeout: no answer within {CANARY_TIMEOUT_S:g} s"
    optimum = CANARY_OPTIMUM * COPIES[name]
    return CanaryReport(
        backend=backend,
        passed=objective == optimum,
        objective=objective,
        optimum=optimum,
        seconds=loop.time() - began_s,
        message=message or ("" if objective == optimum else "it did not find the optimum"),
    )


async def _solve_canary(
    wire: Wire, backend: str, credentials: Credentials, key: str, name: CanaryName
) -> dict[str, Any]:
    parts = {
        "problem": json.dumps(write_canary(name)).encode(),
        "request": json.dumps(asdict(SolveRequest(backend=backend, time_limit_s=1.0))).encode(),
    }
    if not is_local(backend):
        said = await wire.say("submit", backend, credentials, key=json.dumps(key).encode(), **parts)
        handle = json.dumps(said["handle"]).encode()
        # The vendor tells nobody.
        while (await wire.say("poll", backend, credentials, handle=handle))["state"] in WAITS:  # noqa: ASYNC110
            await asyncio.sleep(CANARY_POLL_S)
        parts["handle"] = handle
    said = await wire.say("solve" if is_local(backend) else "fetch", backend, credentials, **parts)
    result: dict[str, Any] = said["result"]
    return result
