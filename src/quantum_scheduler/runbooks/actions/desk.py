"""What an action works with, whoever calls it: the first parameter of each."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from quantum_scheduler.accounts.pepper import Peppers
from quantum_scheduler.incidents.model import Incident
from quantum_scheduler.incidents.paging.announce import NOBODY, Audience
from quantum_scheduler.jobs.model import JOB_CHANGED, TASK_READY
from quantum_scheduler.jobs.queue_model import Changed
from quantum_scheduler.jobs.scale import Cluster
from quantum_scheduler.monitoring.errors_kept import ErrorsKept
from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.secrets.seal import FindKeyring, Keyring, find_no_keyring
from quantum_scheduler.solving.call import Wire


class ActionFailed(Exception):  # noqa: N818  an error is named for what happened
    """An action could not do what it promises; the message says why, and what would help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a process lends to all actions. What it has none of is None, and actions that need it say so."""

    wire: Wire | None = None
    find_keyring: FindKeyring = find_no_keyring
    audience: Audience = NOBODY
    peppers: Peppers | None = None
    cluster: Cluster | None = None
    data_dir: Path | None = None
    errors: ErrorsKept | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What one call of an action works with.

    `conn` is in the transaction that also writes down that it was done, unless the action `leaves_home`: then it is in
    none, because whoever it talks to may take its time. `key` names the call, and stays the same when it is repeated
    after a crash. `who` does it, `incident` is what for, `runbook` is the name of the runbook that does it.
    `notices` are sent once what is done is committed: channel and payload.
    """

    conn: Connection
    key: str
    who: str
    now: datetime
    parts: Parts = Parts()
    incident: Incident | None = None
    runbook: str | None = None
    policy: str | None = None
    notices: list[tuple[str, str]] = field(default_factory=list)

    def tell(self, changed: Changed) -> Changed:
        """Have workers and customers hear of a change in the queue once it is committed."""
        self.notices.extend((JOB_CHANGED, str(each)) for each in changed.job_ids)
        self.notices.extend((TASK_READY, each) for each in changed.ready_lanes)
        return changed

    def after(self, minutes: float | None) -> datetime | None:
        """The moment so many minutes from now, or None for never."""
        return None if minutes is None else self.now + timedelta(minutes=minutes)

    def why(self, reason: str) -> str:
        """A reason as others will read it: what was given, or else what this is done for."""
        return reason or (self.incident.name if self.incident else "") or self.runbook or f"by {self.who}"

    @property
    def incident_name(self) -> str | None:
        """The name of the incident for which it is done."""
        return None if self.incident is None else self.incident.name

    def need_incident(self) -> Incident:
        """The incident. Raises ActionFailed."""
        if self.incident is None:
            raise ActionFailed("there is no incident yet: declare one first, or say which with --incident")
        return self.incident

    def need_wire(self) -> Wire:
        """The way to the vendors. Raises ActionFailed."""
        if self.parts.wire is None:
            raise ActionFailed("this process has no way to the vendors: let a worker do it")
        return self.parts.wire

    def need_keyring(self) -> Keyring:
        """The key of the secrets. Raises ActionFailed."""
        keyring = self.parts.find_keyring()
        if keyring is None:
            raise ActionFailed("there is no key to open the secrets with")
        return keyring

    def need_peppers(self) -> Peppers:
        """The secrets of the installation. Raises ActionFailed."""
        if self.parts.peppers is None:
            raise ActionFailed("this process has no peppers: set QUANTUM_SCHEDULER_PEPPERS")
        return self.parts.peppers

    def need_data_dir(self) -> Path:
        """The data folder. Raises ActionFailed."""
        if self.parts.data_dir is None:
            raise ActionFailed("this process has no data folder")
        return self.parts.data_dir

    def need_errors(self) -> ErrorsKept:
        """What was logged as wrong on this machine. Raises ActionFailed."""
        if self.parts.errors is None:
            raise ActionFailed("this process keeps no log of what went wrong")
        return self.parts.errors
