"""Maintenance as JSON: what operators send and see."""

from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from quantum_scheduler.incidents.document import Line
from quantum_scheduler.monitoring.maintenance.model import (
    BODY_CHARS_MAX,
    COMPONENTS_MAX,
    Maintenance,
    Phase,
    Plan,
)
from quantum_scheduler.problems.document import Document

Moment = Annotated[AwareDatetime, Field(strict=False)]


class MaintenanceRequest(Document):
    """What is to be worked on, when."""

    title: Line
    components: Annotated[list[Line], Field(min_length=1, max_length=COMPONENTS_MAX)]
    starts_at: Moment
    ends_at: Moment
    body: Annotated[str, Field(max_length=BODY_CHARS_MAX, pattern=r"^[^\x00]*$")] = ""

    def to_plan(self) -> Plan:
        """The plan. Raises MaintenanceInvalid."""
        return Plan(**{**self.model_dump(), "components": tuple(dict.fromkeys(self.components))})


class MaintenanceDocument(BaseModel):
    """A maintenance, and how far it is."""

    model_config = ConfigDict(title="Maintenance")

    id: int
    title: str
    body: str
    components: tuple[str, ...]
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    ended_at: AwareDatetime | None
    made_by: str
    phase: Phase

    @classmethod
    def of(cls, maintenance: Maintenance, now: AwareDatetime) -> Self:
        """Show a maintenance."""
        return cls(
            id=maintenance.id,
            title=maintenance.title,
            body=maintenance.body,
            components=maintenance.components,
            starts_at=maintenance.starts_at,
            ends_at=maintenance.ends_at,
            ended_at=maintenance.ended_at,
            made_by=maintenance.made_by,
            phase=maintenance.phase(now),
        )


class MaintenancesDocument(BaseModel):
    """Maintenances, the latest one first."""

    model_config = ConfigDict(title="Maintenances")

    items: list[MaintenanceDocument]


REQUEST_BODIES: tuple[type[BaseModel], ...] = (MaintenanceRequest,)
