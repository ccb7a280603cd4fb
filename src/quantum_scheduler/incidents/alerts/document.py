"""Alerts as JSON: in the shape that Alertmanager and Grafana send, and in our own."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from quantum_scheduler.incidents.alerts.model import (
    ALERTS_MAX,
    FINGERPRINT_CHARS_MAX,
    LABEL_CHARS_MAX,
    LABELS_MAX,
    SEVERITY_UNSAID,
    Alert,
    Known,
    Outcome,
    Source,
    Status,
    Taken,
)
from quantum_scheduler.incidents.document import Line, Text
from quantum_scheduler.monitoring.detect import Severity
from quantum_scheduler.problems.document import Document

Labels = Annotated[dict[str, str], Field(max_length=LABELS_MAX)]
Moment = Annotated[AwareDatetime, Field(strict=False)]
_SHORT = r"^[^\x00-\x1f\x7f]*$"


class _Foreign(BaseModel):
    """What others send may say more than is read here, and more with every release."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class AlertmanagerAlert(_Foreign):
    """One alert of a notification."""

    status: Status
    labels: Labels
    annotations: Labels = Field(default_factory=dict)
    starts_at: Annotated[Moment | None, Field(alias="startsAt")] = None
    generator_url: Annotated[str, Field(alias="generatorURL")] = ""
    fingerprint: Annotated[str, Field(max_length=FINGERPRINT_CHARS_MAX)] = ""


class AlertmanagerRequest(_Foreign):
    """A notification of Alertmanager's webhook, version 4, which Grafana sends too."""

    alerts: Annotated[list[AlertmanagerAlert], Field(max_length=ALERTS_MAX)]


class AlertRequest(Document):
    """An alert of anything else; without a fingerprint the title and the labels tell it from others."""

    title: Line
    status: Status = "firing"
    severity: Severity = SEVERITY_UNSAID
    impact: Text = ""
    fingerprint: Annotated[str, Field(max_length=FINGERPRINT_CHARS_MAX, pattern=_SHORT)] = ""
    runbook: Line | None = None
    key: Annotated[str, Field(max_length=LABEL_CHARS_MAX, pattern=_SHORT)] = ""
    policy: Line | None = None
    service: Line | None = None
    began_at: Moment | None = None
    url: Annotated[str, Field(max_length=LABEL_CHARS_MAX, pattern=_SHORT)] | None = None
    labels: Annotated[
        dict[Line, Annotated[str, Field(max_length=LABEL_CHARS_MAX, pattern=_SHORT)]], Field(max_length=LABELS_MAX)
    ] = Field(default_factory=dict)

    def to_alert(self, fingerprint: str) -> Alert:
        """The alert."""
        return Alert(source="alert", **{**self.model_dump(), "fingerprint": fingerprint})


REQUEST_BODIES: tuple[type[BaseModel], ...] = (AlertmanagerRequest, AlertRequest)


class TakenDocument(BaseModel):
    """What became of an alert."""

    model_config = ConfigDict(title="TakenAlert")

    fingerprint: str
    status: Status
    outcome: Outcome
    incident: str | None

    @classmethod
    def of(cls, taken: Taken) -> Self:
        """Show what became of one."""
        alert = taken.alert
        return cls(fingerprint=alert.fingerprint, status=alert.status, outcome=taken.outcome, incident=taken.incident)


class TakenAlertsDocument(BaseModel):
    """What became of the alerts of a notification, in the order they came."""

    model_config = ConfigDict(title="TakenAlerts")

    items: list[TakenDocument]


class AlertDocument(BaseModel):
    """An alert as it was seen last."""

    model_config = ConfigDict(title="Alert")

    source: Source
    fingerprint: str
    title: str
    status: Literal["firing", "resolved"]
    incident_id: int | None
    first_at: datetime
    last_at: datetime
    times: int
    labels: Mapping[str, str]

    @classmethod
    def of(cls, known: Known) -> Self:
        """Show an alert."""
        return cls(
            source=known.source,
            fingerprint=known.fingerprint,
            title=known.title,
            status="firing" if known.is_firing else "resolved",
            incident_id=known.incident_id,
            first_at=known.first_at,
            last_at=known.last_at,
            times=known.times,
            labels=known.labels,
        )


class AlertsDocument(BaseModel):
    """Alerts, the one that was heard of last first."""

    model_config = ConfigDict(title="Alerts")

    items: list[AlertDocument]
