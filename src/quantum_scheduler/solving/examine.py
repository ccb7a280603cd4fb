"""Look into what is wrong with quantum solving. Nothing here changes what is routed where."""

import asyncio
from dataclasses import dataclass

from quantum_scheduler.backends import reach
from quantum_scheduler.backends.model import ErrorKind
from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.secrets.reveal import reveal_surely
from quantum_scheduler.secrets.seal import FindKeyring
from quantum_scheduler.solving.call import Wire
from quantum_scheduler.solving.metrics import quantum_stats
from quantum_scheduler.solving.routing_model import AttemptFailure
from quantum_scheduler.solving.rules import read_latest_rules
from quantum_scheduler.solving.store import metrics as store

WINDOW_S = 900.0
WINDOW_S_MAX = 7 * 86_400.0
LISTED_MAX = 50
MESSAGE_LENGTH_MAX = 200

# What each kind of error is in the terms of HTTP, whatever protocol the vendor speaks.
STATUSES: dict[ErrorKind, int] = {
    "auth": 401,
    "quota": 402,
    "rate_limit": 429,
    "unavailable": 503,
    "offline": 503,
    "timeout": 504,
}
STATUS_OK = 200
STATUS_OTHER = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthProbe:
    """What a vendor says to our credentials: `status` in the terms of HTTP, `error` in ours, empty where it took them.

    `ok` is whether they were taken; the vendor may be unwell all the same.
    """

    ok: bool
    vendor: str
    status: int
    health: str
    error: str
    message: str
    ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendsProbe:
    """The vendors in use together: how many were `asked`, are `well`, `refused` our key, or were not reached at all.

    `all_refused` and `all_unreached` are False where no vendor is in use.
    """

    asked: int
    well: int
    refused: int
    unreached: int
    all_refused: bool
    all_unreached: bool
    refused_names: tuple[str, ...]
    unreached_names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantumFailures:
    """How attempts at quantum backends failed: `top_share` of the `failed` ones as `top_kind` at `top_backend`.

    `backends` is how many backends failed any, `down` how many of all are down or closed to jobs.
    """

    attempts: int
    failed: int
    share: float | None
    backends: int
    down: int
    top_backend: str
    top_kind: str
    top_share: float
    patterns: tuple[AttemptFailure, ...]


async def probe_auth(conn: Connection, wire: Wire, find: FindKeyring, vendor: str) -> AuthProbe:
    """`probe.auth`: make the cheapest authenticated request to a vendor and tell nobody. Outside a transaction."""
    health = await wire.check(vendor, await reveal_surely(conn, find, vendor))
    status = STATUS_OK if health.error is None else STATUSES.get(health.error, STATUS_OTHER)
    return AuthProbe(
        ok=health.error not in ("auth", "timeout", "unavailable"),
        vendor=vendor,
        status=status,
        health=health.status,
        error=health.error or "",
        message=health.message,
        ms=health.latency_ms,
    )


async def probe_backends(conn: Connection, wire: Wire, find: FindKeyring) -> BackendsProbe:
    """`probe.backends`: ask all vendors in use how they are, and how far one gets to each. Outside a transaction."""
    order = (await read_latest_rules(conn)).priority
    names = [name for name in order if name in reach.ENDPOINTS]
    credentials = [await reveal_surely(conn, find, name) for name in names]
    healths = await asyncio.gather(*(wire.check(name, each) for name, each in zip(names, credentials, strict=True)))
    lines = await asyncio.gather(*(reach.probe_tcp(name) for name in names))
    refused = [name for name, health in zip(names, healths, strict=True) if health.error == "auth"]
    unreached = [name for name, line in zip(names, lines, strict=True) if not line.ok]
    return BackendsProbe(
        asked=len(names),
        well=sum(health.status != "down" for health in healths),
        refused=len(refused),
        unreached=len(unreached),
        all_refused=bool(names) and len(refused) == len(names),
        all_unreached=bool(names) and len(unreached) == len(names),
        refused_names=tuple(refused),
        unreached_names=tuple(unreached),
    )


async def examine_failures(conn: Connection, *, window_s: float = WINDOW_S) -> QuantumFailures:
    """`quantum.failures`: look for what failed attempts have in common: backend and kind of error.

    Raises ValueError.
    """
    if not 0 < window_s <= WINDOW_S_MAX:
        raise ValueError(f"a window has 0 to {WINDOW_S_MAX:g} seconds")
    patterns = await store.group_failures(
        conn, window_s=window_s, message_length_max=MESSAGE_LENGTH_MAX, count_max=LISTED_MAX
    )
    measured = await store.measure(conn, window_s=window_s)
    stats = await quantum_stats(conn)
    failed = sum(each.attempts for each in patterns)
    attempts = failed + sum(each.answered for each in measured.values())
    top = patterns[0] if patterns else None
    states = [each.state for each in stats.backends]
    return QuantumFailures(
        attempts=attempts,
        failed=failed,
        share=failed / attempts if attempts else None,
        backends=len({each.backend for each in patterns}),
        down=sum(
            each.breaker.state != "closed" or (each.health is not None and each.health.status == "down")
            for each in states
        ),
        top_backend=top.backend if top else "",
        top_kind=top.kind if top else "",
        top_share=top.attempts / failed if top else 0.0,
        patterns=tuple(patterns),
    )
