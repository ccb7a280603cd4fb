"""The nouns of an attempt at a quantum backend: where it is found again, and what came of it so far."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Handle:
    """Where an attempt is found again, by any worker, and when it was submitted by the database's time."""

    backend: str
    attempt_id: int
    submitted_at: datetime
    vendor: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """Write it as JSON."""
        return {**dataclasses.asdict(self), "submitted_at": self.submitted_at.isoformat()}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Read what `document` wrote."""
        return cls(**{**document, "submitted_at": datetime.fromisoformat(document["submitted_at"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A backend has answered, and what it said holds on the problem."""

    backend: str
    attempt_id: int
    result: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The vendor has it and is to be asked again after `delay_s`."""

    handle: Handle
    delay_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """No quantum backend answers: `kind` and `message` are those of the last failure, or say why none was asked.

    `is_trouble` says that something was wrong, rather than that the rules keep the job from quantum backends;
    `is_doubtful` that it may have been submitted all the same.
    """

    backend: str
    kind: str
    message: str
    is_trouble: bool
    is_doubtful: bool = False
    retry_after_s: float | None = None


class ClaimLost(Exception):  # noqa: N818  an error is named for what happened
    """The claim is another worker's now, or its job was cancelled: nothing more may be submitted for it."""
