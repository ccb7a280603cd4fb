"""The statements on how much workers should do at once."""

from uuid import UUID

from quantum_scheduler.postgres.connect import Connection

SET_SLOTS = """
INSERT INTO worker_scale (slots) VALUES ($1)
ON CONFLICT (id) DO UPDATE SET slots = excluded.slots, set_at = now() WHERE worker_scale.slots <> excluded.slots
RETURNING slots
"""

UNSET_SLOTS = "DELETE FROM worker_scale RETURNING slots"

# What only carries out what the control plane wants keeps its own number.
FIND_SLOTS = """
SELECT slots FROM worker_scale WHERE EXISTS (SELECT FROM worker WHERE id = $1 AND lanes <> '{control}')
"""

NOTE_SLOTS = "UPDATE worker SET slots = $2 WHERE id = $1 AND slots <> $2"


async def set_slots(conn: Connection, slots: int | None) -> bool:
    """Write how many slots each worker should use, None for its own; False where that was so before."""
    if slots is None:
        return await conn.fetchval(UNSET_SLOTS) is not None
    return await conn.fetchval(SET_SLOTS, slots) is not None


async def find_slots(conn: Connection, worker_id: UUID) -> int | None:
    """How many slots each worker should use."""
    slots: int | None = await conn.fetchval(FIND_SLOTS, worker_id)
    return slots


async def note_slots(conn: Connection, worker_id: UUID, slots: int) -> None:
    """Write down how many slots a worker uses."""
    await conn.execute(NOTE_SLOTS, worker_id, slots)
