"""Watch the quantum backends from a worker: how they are, and attempts that nobody follows any more."""

from functools import partial

from quantum_scheduler.backends.load import is_local, list_backends
from quantum_scheduler.jobs.quantum_bench import QuantumBench
from quantum_scheduler.jobs.repeat import attempt, repeat
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.secrets.reveal import reveal_surely
from quantum_scheduler.solving.attempt import end_strays
from quantum_scheduler.solving.call import Credentials
from quantum_scheduler.solving.probe import probe_due
from quantum_scheduler.solving.rules import announce_environment, read_rules

LOOK_EVERY_S = 5.0


async def watch_backends(pool: Pool, quantum: QuantumBench) -> None:
    """Say what this worker's environment wants, then watch until cancelled."""

    async def announce() -> None:
        async with pool.acquire() as conn, conn.transaction():
            await announce_environment(conn, quantum.environment)

    await attempt(announce)
    await repeat(partial(_look, pool, quantum), pause_s=LOOK_EVERY_S)


async def _look(pool: Pool, quantum: QuantumBench) -> None:
    async with pool.acquire() as conn:
        rules = await read_rules(conn, quantum.environment)
        await end_strays(conn)

    async def find_credentials(backend: str) -> Credentials:
        async with pool.acquire() as conn:
            return await reveal_surely(conn, quantum.find_keyring, backend)

    installed, loading = list_backends(), quantum.prepare(rules.priority)
    known = [name for name in rules.priority if name in installed and not is_local(name) and name not in loading]
    await probe_due(pool, quantum.wire, known, find_credentials)
