"""Find out what holds for all jobs now: the environment of the workers, unless an operator decided otherwise since."""

from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.solving.routing_model import Rules
from quantum_scheduler.solving.store import rules as store


async def read_rules(conn: Connection, environment: Rules) -> Rules:
    """Return the rules that hold for a worker with this environment."""
    overrides = {each.name: each.value for each in await store.find_overrides(conn)}
    return Rules(
        priority=tuple(overrides.get("priority", environment.priority)),
        classical_only=bool(overrides.get("classical_only", environment.classical_only)),
    )


async def announce_environment(conn: Connection, environment: Rules) -> None:
    """Write down what this worker's environment says; where it is new, it ends what operators decided before."""
    await store.note_environment(conn, "priority", list(environment.priority))
    await store.note_environment(conn, "classical_only", environment.classical_only)


async def read_latest_rules(conn: Connection) -> Rules:
    """Return the rules that hold for the workers, as the one that started last told its environment."""
    told = await store.find_environment(conn)
    environment = Rules(priority=tuple(told.get("priority", ())), classical_only=bool(told.get("classical_only")))
    return await read_rules(conn, environment)
