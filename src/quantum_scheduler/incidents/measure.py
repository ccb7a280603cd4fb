"""Measure the response itself: how long it took to see, to answer, to mitigate and to resolve."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from quantum_scheduler.incidents.model import Incident


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """How long the parts of a response took, in seconds from the first bad sample; None for what has not been yet.

    `acknowledge_s` counts from the declaration, because nobody could answer before.
    """

    detect_s: float
    acknowledge_s: float | None
    mitigate_s: float | None
    resolve_s: float | None
    was_answered_in_time: bool | None


def measure_response(incident: Incident) -> Response:
    """Measure the response to one incident."""
    answered_at, began_at = incident.acknowledged_at, incident.began_at
    return Response(
        detect_s=(incident.declared_at - began_at).total_seconds(),
        acknowledge_s=_seconds(incident.declared_at, answered_at),
        mitigate_s=_seconds(began_at, incident.mitigated_at),
        resolve_s=_seconds(began_at, incident.resolved_at),
        was_answered_in_time=None if answered_at is None else answered_at <= incident.respond_by,
    )


def _seconds(start: datetime, end: datetime | None) -> float | None:
    return None if end is None else (end - start).total_seconds()


def median_times(incidents: Sequence[Incident]) -> dict[str, float | None]:
    """Sum the responses up: the medians of the times that are known, by name, in seconds."""
    responses = [measure_response(incident) for incident in incidents]
    times: dict[str, list[float | None]] = {
        "time_to_detect_s": [each.detect_s for each in responses],
        "time_to_acknowledge_s": [each.acknowledge_s for each in responses],
        "time_to_mitigate_s": [each.mitigate_s for each in responses],
        "time_to_resolve_s": [each.resolve_s for each in responses],
    }
    known = {name: [each for each in values if each is not None] for name, values in times.items()}
    return {name: median(values) if values else None for name, values in known.items()}
