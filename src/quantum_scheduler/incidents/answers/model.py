"""The nouns of answers."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

Verb = Literal["acknowledge", "resolve", "note"]
Service = Literal["slack", "pagerduty"]

# What a service sends again is known for so long; what is older than that when it comes is not believed.
KNOWN_FOR = timedelta(days=7)
AGE_MAX = timedelta(days=1)
PERSON_CHARS_MAX = 100


class ReceiverMissing(LookupError):  # noqa: N818  an error is named for what happened
    """The secret of such answers is not set here."""


class SignatureWrong(PermissionError):  # noqa: N818
    """An answer is not signed by the service it says it comes from, or it was sent before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSecrets:
    """What services sign their answers with; None where none are taken."""

    slack: str | None = field(default=None, repr=False)
    pagerduty: str | None = field(default=None, repr=False)


NO_SECRETS = AnswerSecrets()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What somebody wants done with an incident; of one service the id tells one answer from another."""

    service: Service
    id: str
    verb: Verb
    incident: str
    person: str
    at: datetime
    text: str = ""

    @property
    def actor(self) -> str:
        """How the timeline names who answered."""
        return f"{self.person} ({self.service})"
