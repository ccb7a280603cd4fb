"""Do what somebody answered, once."""

from datetime import datetime
from typing import Literal

from quantum_scheduler.incidents import respond
from quantum_scheduler.incidents.answers import store
from quantum_scheduler.incidents.answers.model import KNOWN_FOR, Answer
from quantum_scheduler.incidents.look_up import find_incident
from quantum_scheduler.incidents.model import TEXT_CHARS_MAX, IncidentUnknown, MoveRefused
from quantum_scheduler.incidents.move import add_note
from quantum_scheduler.incidents.paging.announce import Audience
from quantum_scheduler.postgres.connect import Connection

Outcome = Literal["done", "known", "ignored"]


async def take_answer(conn: Connection, answer: Answer, audience: Audience, *, now: datetime) -> Outcome:
    """Do what an answer asks, in the caller's transaction.

    It is ignored where there is no such incident, or where that has gone on meanwhile: nobody could mend it by asking
    again.
    """
    await store.forget(conn, now - KNOWN_FOR)
    if not await store.remember(conn, answer, now):
        return "known"
    try:
        async with conn.transaction():
            await _do(conn, answer, audience, now=now)
    except (IncidentUnknown, MoveRefused):
        return "ignored"
    return "done"


async def _do(conn: Connection, answer: Answer, audience: Audience, *, now: datetime) -> None:
    incident = await find_incident(conn, answer.incident)
    actor = answer.actor
    match answer.verb:
        case "acknowledge":
            await respond.acknowledge(conn, incident.id, audience, actor=actor, now=now)
        case "resolve":
            await respond.resolve(conn, incident.id, audience, actor=actor, now=now)
        case "note":
            if text := answer.text.replace("\x00", "").strip():
                await add_note(conn, incident.id, text[:TEXT_CHARS_MAX], actor=actor, now=now)
