"""The composition root: the only file that chooses which classes stand behind the ports."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from quantum_scheduler.jobs.perform import Handler
from quantum_scheduler.postgres.embed import EmbeddedPostgres, start_postgres
from quantum_scheduler.postgres.model import DatabaseUnavailable
from quantum_scheduler.settings import SettingInvalid, Settings
from quantum_scheduler.solving.pool import ProcessPool
from quantum_scheduler.solving.port import Executor

# What the processes of a pool import before they are given work.
SOLVERS = ("quantum_scheduler.solving.compute", "ortools.sat.python.cp_model", "dwave.samplers")
READERS = ("quantum_scheduler.jobs.read_apart",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """Where the database is; `embedded` is the server that this process uses, or None for one that was given."""

    dsn: str
    embedded: EmbeddedPostgres | None = None


@contextmanager
def open_database(settings: Settings, *, may_start: bool) -> Iterator[Database]:
    """Lend the database of DATABASE_URL, or else the embedded one in the data folder.

    With `may_start` the embedded one is made and started where need be; without, it must be running.
    Raises PostgresUnavailable, DatabaseUnavailable.
    """
    if settings.database_url is not None:
        yield Database(dsn=settings.database_url)
        return
    if not may_start and not (settings.data_dir / "postgres" / "postmaster.pid").exists():
        raise DatabaseUnavailable(
            f"no database is running in {settings.data_dir}: run `quantum-scheduler up`, or set DATABASE_URL"
        )
    with start_postgres(settings.data_dir) as server:
        yield Database(dsn=server.dsn, embedded=server)


def build_solvers(slots: int, *, ray_address: str | None) -> Executor:
    """Build what a worker solves with: `slots` processes of this machine, or the Ray cluster at an address.

    Raises SettingInvalid.
    """
    if ray_address is None:
        return ProcessPool(slots, preload=SOLVERS)
    try:
        from quantum_scheduler.solving.ray import RayExecutor  # noqa: PLC0415  Ray is an extra
    except ModuleNotFoundError:
        raise SettingInvalid("RAY_ADDRESS is set; Ray is missing: pip install 'quantum-scheduler[ray]'") from None
    try:
        return RayExecutor(ray_address, preload=SOLVERS)
    except ValueError as error:
        raise SettingInvalid(f"RAY_ADDRESS: {error}") from None


def build_handlers() -> dict[str, Handler]:
    """Build what does the tasks that are no solves: a handler for each kind, from the room that brings it."""
    return {}


def build_reader() -> Executor:
    """Build what the API reads large problems with: one process of this machine, started when first needed."""
    return ProcessPool(1, preload=READERS)
