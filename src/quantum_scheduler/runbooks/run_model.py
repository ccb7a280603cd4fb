"""The nouns of a run in the database, and what can be wrong with one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from quantum_scheduler.runbooks.state import State

Status = Literal["running", "aborting", "succeeded", "aborted", "superseded"]
# The kind of the tasks by which runs go on, and what the console hears of a run that has moved.
RUN_TASK = "runbook"
RUN_CHANGED = "run_changed"
RUNS_LISTED_MAX = 100
ANSWER_CHARS_MAX = 300


class RunUnknown(LookupError):  # noqa: N818  an error is named for what happened
    """There is no such run."""

    def __init__(self, which: object) -> None:
        super().__init__(f"there is no run {which}")


class RunLocked(Exception):  # noqa: N818
    """Another run holds the lock of a runbook."""


class AnswerRefused(ValueError):  # noqa: N818
    """A run cannot be answered so, or not by this person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run to be written down."""

    runbook: str
    sha256: str
    document: str
    incident_id: int | None
    lock: str
    started_by: str
    started_at: datetime
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as it stands, pinned to a document; `pending` are the payloads of the tasks it waits for, by their pc."""

    id: int
    runbook: str
    sha256: str
    document: str
    incident_id: int | None
    lock: str | None
    status: Status
    started_by: str
    started_at: datetime
    finished_at: datetime | None
    state: State
    pending: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """Something that was done in a run, once."""

    pc: int
    step: str
    kind: str
    outcome: str
    detail: Mapping[str, Any]
    began_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """A row of a run's story."""

    seq: int
    at: datetime
    kind: str
    step: str
    by: str
    detail: Mapping[str, Any]
