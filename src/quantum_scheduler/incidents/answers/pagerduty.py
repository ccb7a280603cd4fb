"""Read what PagerDuty sends when somebody acknowledges or resolves there.

Source: https://developer.pagerduty.com/docs (webhooks v3: overview, event types, signatures).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from quantum_scheduler.incidents.answers.model import AGE_MAX, PERSON_CHARS_MAX, Answer, SignatureWrong, Verb
from quantum_scheduler.notifications.channels.pagerduty import is_signed_by_pagerduty
from quantum_scheduler.problems.body import BodyMalformed

_VERBS: Mapping[str, Verb] = {
    "incident.acknowledged": "acknowledge",
    "incident.resolved": "resolve",
    "incident.annotated": "note",
}
# What an integration did there is what was told it from here.
_PERSON = "user_reference"


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class _Agent(_Part):
    type: str = ""
    summary: str | None = None
    id: str = ""


class _Event(_Part):
    id: Annotated[str, Field(min_length=1, max_length=200)]
    event_type: str
    occurred_at: AwareDatetime
    agent: _Agent | None = None
    data: dict[str, Any] = Field(default_factory=dict)


class _Webhook(_Part):
    event: _Event


def read_pagerduty(body: bytes, headers: Mapping[str, str], secret: str, *, now: datetime) -> Answer | None:
    """Read what a person did there; None for what is nobody's answer, such as a ping or an echo of our own.

    Raises SignatureWrong, BodyMalformed.
    """
    if not is_signed_by_pagerduty(body, signatures=headers.get("x-pagerduty-signature", ""), secret=secret):
        raise SignatureWrong("this is not signed by PagerDuty")
    try:
        event = _Webhook.model_validate_json(body).event
    except ValidationError:
        raise BodyMalformed("the body must be the JSON of a webhook v3 of PagerDuty") from None
    if event.event_type not in _VERBS or event.agent is None or event.agent.type != _PERSON:
        return None
    if event.occurred_at < now - AGE_MAX:
        raise SignatureWrong("this happened more than a day ago")
    return Answer(
        service="pagerduty",
        id=event.id,
        verb=_VERBS[event.event_type],
        incident=_read_key(event.data),
        person=_clean(event.agent.summary or event.agent.id),
        at=event.occurred_at,
        text=str(event.data.get("content") or ""),
    )


def _read_key(data: Mapping[str, Any]) -> str:
    """The name of our incident; that of a note is one level further in."""
    incident = data.get("incident")
    holder = incident if isinstance(incident, dict) else data
    return str(holder.get("incident_key") or "")


def _clean(name: str) -> str:
    return "".join(each for each in name if each.isprintable())[:PERSON_CHARS_MAX] or "somebody"
