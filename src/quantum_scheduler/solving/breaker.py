"""Keep jobs away from a backend that fails, and let one at a time find out whether it is well again.

A breaker opens when, of at least `COUNT_MIN` outcomes in the last `WINDOW_S`, `RATIO_MAX` or more are failures, and
when `IN_A_ROW_MAX` failures in a row end with a kind that a vendor who is away has for everybody. Then one job is let
through after `PROBE_MIN_S`, and after twice as long each time that it fails, up to `PROBE_MAX_S`, each spread by
chance. One good answer closes it. Breakers are rows in the database, so all workers share them.
"""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.solving.routing_model import SHARE_FULL, Breaker, Tally
from quantum_scheduler.solving.store import breaker as store

WINDOW_S = 120.0
COUNT_MIN = 4
RATIO_MAX = 0.5
IN_A_ROW_MAX = 2
SWEEPING_KINDS = frozenset({"auth", "offline", "quota", "rate_limit", "unavailable"})
PROBE_MIN_S = 10.0
PROBE_MAX_S = 600.0
# A probe of which nothing is heard is over after this, and another job may be the next.
PROBE_PATIENCE_S = 120.0
REST_MAX_S = 3_600.0
OUTRUNS_COUNTED_MAX = 1_000

# What is no fault of the backend's: the customer's, or a problem it never claimed to take.
BLAMELESS_KINDS = frozenset({"invalid", "too_large"})


def explain_refusal(breaker: Breaker, now: datetime) -> str:
    """Say why no job may go to the backend now; nothing where one may."""
    if breaker.rest_until is not None and breaker.rest_until > now:
        return f"it asked to be left alone until {breaker.rest_until:%H:%M:%S} UTC"
    if breaker.state == "closed" or is_expired(breaker, now):
        return ""
    if breaker.is_manual:
        return f"opened by hand: {breaker.reason}"
    if breaker.probe_at is not None and breaker.probe_at <= now:
        return ""
    return f"{breaker.state.replace('_', '-')}: {breaker.reason}"


def is_expired(breaker: Breaker, now: datetime) -> bool:
    """Whether it was opened by hand until a time that is over."""
    return breaker.is_manual and breaker.expires_at is not None and breaker.expires_at <= now


def is_in_share(backend: str, share: int, job_id: UUID) -> bool:
    """Whether a job is among the `share` percent that a backend gets: always the same, and more of them as it grows."""
    digest = hashlib.sha256(f"{backend}:{job_id}".encode()).digest()
    return int.from_bytes(digest[:4]) % SHARE_FULL < share


def judge(breaker: Breaker, tally: Tally, *, kind: str | None, message: str, now: datetime, chance: float) -> Breaker:
    """Say how a breaker stands after an outcome, of `kind` where it failed; the tally includes it.

    `chance` lies in [0, 1).
    """
    if breaker.is_manual and not is_expired(breaker, now):
        return breaker
    if kind is None:
        if breaker.state == "closed":
            return replace(breaker, outruns=0, rest_until=None)
        return Breaker(backend=breaker.backend, since=now)
    if breaker.state == "open" and not breaker.is_manual:
        return breaker  # of a job that was let through before it opened
    is_away = kind in SWEEPING_KINDS and tally.in_a_row >= IN_A_ROW_MAX
    is_failing = tally.count >= COUNT_MIN and tally.failures / tally.count >= RATIO_MAX
    if breaker.state == "closed" and not is_away and not is_failing:
        return breaker
    trips = breaker.trips + 1
    pause_s = min(PROBE_MIN_S * 2.0 ** (trips - 1), PROBE_MAX_S) * (0.5 + chance)
    return replace(
        breaker,
        state="open",
        since=now,
        trips=trips,
        probe_at=now + timedelta(seconds=pause_s),
        reason=f"{tally.failures} of {tally.count} failed, the last of kind {kind}: {message}",
        is_manual=False,
        expires_at=None,
    )


async def record_outcome(
    conn: Connection,
    backend: str,
    *,
    chance: float,
    kind: str | None = None,
    message: str = "",
    retry_after_s: float | None = None,
) -> Breaker:
    """Write down what came of talking to a backend, `kind` where it failed, and return how its breaker stands now.

    What is not the backend's fault only ends a probe.
    """
    async with conn.transaction():
        breaker = await store.lock_breaker(conn, backend)
        now = await store.read_clock(conn)
        if kind in BLAMELESS_KINDS:
            changed = _release(breaker, now)
        else:
            tally = await store.note_event(conn, backend, kind, since=breaker.since, window_s=WINDOW_S)
            changed = judge(breaker, tally, kind=kind, message=message, now=now, chance=chance)
        if retry_after_s:
            rest = timedelta(seconds=min(retry_after_s, REST_MAX_S))
            changed = replace(changed, rest_until=now + rest)
        if changed != breaker:
            await store.write_breaker(conn, changed)
    return changed


async def record_outrun(conn: Connection, backend: str, *, is_outrun: bool = True) -> None:
    """Write down that nobody needed a backend's answer any more, with `is_outrun` because it was late; no fault."""
    async with conn.transaction():
        breaker = await store.lock_breaker(conn, backend)
        changed = _release(breaker, await store.read_clock(conn))
        outruns = min(breaker.outruns + is_outrun, OUTRUNS_COUNTED_MAX)
        await store.write_breaker(conn, replace(changed, outruns=outruns))


async def enter(conn: Connection, breaker: Breaker) -> bool:
    """Take a job in that `explain_refusal` would let through; False where another is probing already."""
    if breaker.state == "closed":
        return True
    return await store.begin_probe(conn, breaker.backend, patience_s=PROBE_PATIENCE_S)


def _release(breaker: Breaker, now: datetime) -> Breaker:
    """End a probe that has shown nothing, so that the next job may be one."""
    if breaker.state != "half_open":
        return breaker
    return replace(breaker, state="open", probe_at=now)
