"""How fast keys are checked, as ratios to a plain SQL look-up on the same machine: `python -m benchmarks.accounts`.

A check from Postgres is what the first request of a key costs each second; a cached one is what all others cost.
Two processes run at once, because the bar is for two cores. A revoked key is tried in another one until it is refused.
"""

import argparse
import asyncio
import json
import multiprocessing
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from uuid import UUID

from quantum_scheduler.accounts.actions import Doing, revoke_key
from quantum_scheduler.accounts.authenticate import admit_key
from quantum_scheduler.accounts.doorkeeper import Doorkeeper
from quantum_scheduler.accounts.issue import issue_key
from quantum_scheduler.accounts.key import read_key_id
from quantum_scheduler.accounts.model import KeyUnknown
from quantum_scheduler.accounts.pepper import Peppers, make_peppers, read_peppers, write_peppers
from quantum_scheduler.postgres.connect import Connection, Pool, connect, open_pool
from quantum_scheduler.postgres.embed import start_postgres
from quantum_scheduler.postgres.listen import Listener
from quantum_scheduler.postgres.migrate import migrate

PROCESSES = 2
CONNECTIONS = 8
KEYS = 100
PLAIN = "SELECT org_id FROM api_key WHERE id = $1"
REVOKED = 30
REVOCATION_BAR_S = 1.0
BARS = {"check from Postgres": 15_000.0, "check cached": 150_000.0}

Measured = dict[str, float]


async def _prepare(dsn: str, peppers: Peppers) -> list[str]:
    conn = await connect(dsn)
    await migrate(conn)
    keys: list[str] = []
    for _ in range(KEYS):
        org_id: UUID = await conn.fetchval("INSERT INTO organisation (name) VALUES ('Acme') RETURNING id")
        keys.append(await issue_key(conn, org_id, peppers=peppers))
    await conn.execute("ANALYZE")
    await conn.close()
    return keys


async def _rate(
    pool: Pool, seconds: float, work: Callable[[Connection, str], Awaitable[object]], keys: list[str]
) -> float:
    """Calls a second, on every connection of the pool at once."""
    stop_at = time.perf_counter() + seconds

    async def run(offset: int) -> int:
        count = 0
        async with pool.acquire() as conn:
            while time.perf_counter() < stop_at:
                await work(conn, keys[(offset + count) % len(keys)])
                count += 1
        return count

    began = time.perf_counter()
    counts = await asyncio.gather(*(run(at * 7) for at in range(CONNECTIONS)))
    return sum(counts) / (time.perf_counter() - began)


async def _measure(dsn: str, keys: list[str], peppers: Peppers, seconds: float) -> Measured:
    pool = await open_pool(dsn, size_max=CONNECTIONS)
    ids = {key: read_key_id(key) for key in keys}
    measured = {
        "plain SQL look-up": await _rate(pool, seconds, lambda conn, key: conn.fetchval(PLAIN, ids[key]), keys),
        "check from Postgres": await _rate(
            pool, seconds, lambda conn, key: admit_key(conn, key, peppers=peppers), keys
        ),
    }
    async with Listener(dsn) as listener, Doorkeeper(pool, listener, peppers=peppers) as door:
        measured["check cached"] = await _count(seconds, door.admit, keys)
        measured["garbage refused"] = await _count(seconds, _refused(door), [key[:-1] + "g" for key in keys])
    await pool.close()
    return measured


async def _count(seconds: float, work: Callable[[str], Awaitable[object]], keys: list[str]) -> float:
    began, count = time.perf_counter(), 0
    while time.perf_counter() < began + seconds:
        for key in keys:
            await work(key)
        count += len(keys)
    return count / (time.perf_counter() - began)


def _refused(door: Doorkeeper) -> Callable[[str], Awaitable[None]]:
    async def refuse(key: str) -> None:
        try:
            await door.admit(key)
        except KeyUnknown:
            return
        raise AssertionError(key)

    return refuse


def _run(dsn: str, keys: list[str], peppers: str, seconds: float) -> Measured:
    return asyncio.run(_measure(dsn, keys, read_peppers(peppers), seconds))


async def _watch(dsn: str, keys: list[str], peppers: Peppers, pipe: Pipe) -> None:
    """Be another process of the service: say when each key is known, and when it is not any more."""
    pool = await open_pool(dsn)
    async with Listener(dsn) as listener, Doorkeeper(pool, listener, peppers=peppers) as door:
        for key in keys:
            await door.admit(key)
            pipe.send("known")
            try:
                while True:
                    await door.admit(key)
                    await asyncio.sleep(0.0005)
            except KeyUnknown:
                pipe.send(time.time())
    pool.terminate()


def _run_watch(dsn: str, keys: list[str], peppers: str, pipe: Pipe) -> None:
    asyncio.run(_watch(dsn, keys, read_peppers(peppers), pipe))


async def _revoke(dsn: str, keys: list[str], pipe: Pipe) -> list[float]:
    """Seconds from the commit of each revocation until the other process refuses the key."""
    conn, late = await connect(dsn), []
    for key in keys:
        assert await asyncio.to_thread(pipe.recv) == "known"
        async with conn.transaction():
            await revoke_key(conn, read_key_id(key), Doing(now=datetime.now(UTC)))
        revoked_at = time.time()
        late.append(await asyncio.to_thread(pipe.recv) - revoked_at)
    await conn.close()
    return late


def _measure_revocation(dsn: str, keys: list[str], peppers: str) -> list[float]:
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    watcher = spawn.Process(target=_run_watch, args=(dsn, keys, peppers, theirs))
    watcher.start()
    try:
        return asyncio.run(_revoke(dsn, keys, ours))
    finally:
        watcher.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each figure")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    peppers = make_peppers()
    with TemporaryDirectory(prefix="qs-") as folder, start_postgres(Path(folder)) as server:
        keys = asyncio.run(_prepare(server.dsn, peppers))
        with multiprocessing.get_context("spawn").Pool(PROCESSES) as processes:
            jobs = [(server.dsn, keys, write_peppers(peppers), options.seconds)] * PROCESSES
            each = processes.starmap(_run, jobs)
        late = _measure_revocation(server.dsn, keys[:REVOKED], write_peppers(peppers))
    total = {name: sum(measured[name] for measured in each) for name in each[0]}
    if options.json:
        print(json.dumps(total | {"revocation p50 s": median(late), "revocation max s": max(late)}))
        return
    plain = total["plain SQL look-up"]
    for name, rate in total.items():
        bar = f"   bar {BARS[name]:,.0f}/s" if name in BARS else ""
        print(f"{name:22} {rate:>12,.0f}/s   {rate / plain:6.2f} x plain{bar}")
    p50_ms, max_ms = median(late) * 1000, max(late) * 1000
    print(f"refused elsewhere {p50_ms:.1f} ms (p50) to {max_ms:.1f} ms after it is revoked, bar {REVOCATION_BAR_S:g} s")


if __name__ == "__main__":
    main()
