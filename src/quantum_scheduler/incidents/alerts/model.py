"""The nouns of an alert, and what its severity means here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from quantum_scheduler.incidents.model import Declared
from quantum_scheduler.monitoring.detect import Severity

Source = Literal["alertmanager", "grafana", "alert"]
Status = Literal["firing", "resolved"]
# What an alert came to: what its declaration did, an end, or nothing, as for the end of what never began.
Outcome = Declared | Literal["cleared", "ignored"]

ALERTS_MAX = 1_000
LABELS_MAX = 100
LABEL_CHARS_MAX = 1_000
FINGERPRINT_CHARS_MAX = 128

# The words that people give alerts, and the severity each has here; what says nothing is P2.
SEVERITIES: Mapping[str, Severity] = {
    **dict.fromkeys(("p0", "critical", "fatal", "emergency", "disaster"), "P0"),
    **dict.fromkeys(("p1", "error", "high", "major", "page"), "P1"),
    **dict.fromkeys(("p2", "warning", "warn", "medium", "minor", "average"), "P2"),
    **dict.fromkeys(("p3", "info", "informational", "information", "low", "notice", "ticket"), "P3"),
}
SEVERITY_UNSAID: Severity = "P2"
# An alert of this severity fires always, to show that alerts arrive.
HEARTBEAT = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What somebody else has seen. Of one source the fingerprint tells one alert from another.

    With a `runbook` it is about the incident of that runbook and `key`, whoever sees that.
    """

    source: Source
    fingerprint: str
    status: Status
    title: str
    severity: Severity | None
    impact: str = ""
    runbook: str | None = None
    key: str = ""
    policy: str | None = None
    service: str | None = None
    began_at: datetime | None = None
    url: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of an alert, and the name of its incident if it has one."""

    alert: Alert
    outcome: Outcome
    incident: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An alert as it was seen last."""

    source: Source
    fingerprint: str
    title: str
    is_firing: bool
    incident_id: int | None
    first_at: datetime
    last_at: datetime
    times: int
    labels: Mapping[str, str]
