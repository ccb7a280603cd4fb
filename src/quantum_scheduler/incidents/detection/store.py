"""The statements on signals."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from quantum_scheduler.incidents.detection.model import KnownSignal, Standing
from quantum_scheduler.monitoring.detect import Rule, read_signal, write_signal
from quantum_scheduler.postgres.connect import Connection

READ_SIGNALS = """
SELECT runbook, title, severity, is_raised, is_flapping, held_back, incident_id, state, definition, at
FROM detected_signal ORDER BY runbook, title
"""

WRITE_SIGNALS = """
INSERT INTO detected_signal (
    runbook, title, definition, severity, is_raised, is_flapping, held_back, incident_id, state, at
)
SELECT given.*, $10 FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::boolean[], $7::text[], $8::bigint[], $9::jsonb[]
) AS given
ON CONFLICT (runbook, title) DO UPDATE SET definition = excluded.definition, severity = excluded.severity,
    is_raised = excluded.is_raised, is_flapping = excluded.is_flapping, held_back = excluded.held_back,
    incident_id = excluded.incident_id, state = excluded.state, at = excluded.at
"""

FORGET_SIGNALS = """
DELETE FROM detected_signal USING unnest($1::text[], $2::text[]) AS given (runbook, title)
WHERE detected_signal.runbook = given.runbook AND detected_signal.title = given.title
"""

# Nothing that was detected stands any more, nobody has answered, and yet they are open.
FIND_LEFT = """
SELECT incident.id FROM incident
WHERE incident.state = 'mitigated' AND incident.runbook IS NOT NULL AND incident.acknowledged_by IS NULL
    AND NOT EXISTS (SELECT FROM detected_signal WHERE detected_signal.incident_id = incident.id)
    AND (
        SELECT event.actor FROM incident_event AS event
        WHERE event.incident_id = incident.id AND event.kind = 'mitigated' ORDER BY event.seq DESC LIMIT 1
    ) = $1
ORDER BY incident.id
"""


async def read_signals(conn: Connection) -> list[KnownSignal]:
    """How every signal stood when it was last looked at."""
    return [KnownSignal(**row) for row in await conn.fetch(READ_SIGNALS)]


def read_standing(known: KnownSignal) -> Standing:
    """What was seen of a signal until then."""
    return Standing(
        signal=read_signal(known.state),
        definition=known.definition,
        incident_id=known.incident_id,
        held_back=known.held_back,
        is_flapping=known.is_flapping,
    )


async def write_standings(conn: Connection, standings: Mapping[Rule, Standing], at: datetime) -> None:
    """Write down how signals stand."""
    if not standings:
        return
    await conn.execute(
        WRITE_SIGNALS,
        [rule.runbook for rule in standings],
        [rule.title for rule in standings],
        [each.definition for each in standings.values()],
        [rule.severity for rule in standings],
        [each.signal.is_raised for each in standings.values()],
        [each.is_flapping for each in standings.values()],
        [each.held_back for each in standings.values()],
        [each.incident_id for each in standings.values()],
        [write_signal(each.signal) for each in standings.values()],
        at,
    )


async def forget_signals(conn: Connection, signals: Sequence[KnownSignal]) -> None:
    """Forget signals that no runbook has any more."""
    names = [each.runbook for each in signals], [each.title for each in signals]
    await conn.execute(FORGET_SIGNALS, *names)


async def find_left(conn: Connection, actor: str) -> list[int]:
    """The incidents that this actor has called mitigated and that nothing holds open."""
    return [row["id"] for row in await conn.fetch(FIND_LEFT, actor)]
