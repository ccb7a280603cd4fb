"""Every statement of answers."""

from datetime import datetime

from quantum_scheduler.incidents.answers.model import Answer
from quantum_scheduler.postgres.connect import Connection

REMEMBER = "INSERT INTO incident_answer (service, id, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING id"
FORGET = "DELETE FROM incident_answer WHERE at < $1"


async def remember(conn: Connection, answer: Answer, now: datetime) -> bool:
    """Write down that an answer has come; False where it had come before."""
    return await conn.fetchval(REMEMBER, answer.service, answer.id, now) is not None


async def forget(conn: Connection, before: datetime) -> None:
    """Forget what came before a moment."""
    await conn.execute(FORGET, before)
