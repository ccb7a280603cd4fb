"""Read what Slack sends when somebody presses a button.

Source: https://docs.slack.dev (handling user interaction, block_actions payloads, verifying requests).
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import parse_qs

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from quantum_scheduler.incidents.answers.model import PERSON_CHARS_MAX, Answer, SignatureWrong, Verb
from quantum_scheduler.notifications.channels.slack import is_signed_by_slack
from quantum_scheduler.problems.body import BodyMalformed

ACTIONS_MAX = 25
_VERBS: Mapping[str, Verb] = {"acknowledge": "acknowledge", "resolve": "resolve"}


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class _User(_Part):
    id: Annotated[str, Field(min_length=1, max_length=PERSON_CHARS_MAX)]
    username: Annotated[str, Field(max_length=PERSON_CHARS_MAX)] = ""


class _Action(_Part):
    value: Annotated[str, Field(max_length=2_000)] = ""


class _Pressed(_Part):
    type: Literal["block_actions"]
    user: _User
    actions: Annotated[list[_Action], Field(max_length=ACTIONS_MAX)]


def read_slack(body: bytes, headers: Mapping[str, str], secret: str, *, now: datetime) -> list[Answer]:
    """Read the buttons that were pressed; those that are links or somebody else's are left out.

    Raises SignatureWrong, BodyMalformed.
    """
    signature = headers.get("x-slack-signature", "")
    timestamp = headers.get("x-slack-request-timestamp", "")
    if not is_signed_by_slack(body, timestamp=timestamp, signature=signature, secret=secret, now_s=now.timestamp()):
        raise SignatureWrong("this is not signed by Slack, or was so more than five minutes ago")
    pressed = _read_payload(body)
    person = _clean(pressed.user.username or pressed.user.id)
    read = [(number, *each.value.partition(":")) for number, each in enumerate(pressed.actions)]
    # Of a request that was signed once, whatever else it says.
    request_id = hashlib.sha256(signature.encode()).hexdigest()[:32]
    return [
        Answer(
            service="slack",
            id=f"{request_id}-{number}",
            verb=_VERBS[verb],
            incident=incident,
            person=person,
            at=now,
        )
        for number, verb, _, incident in read
        if verb in _VERBS
    ]


def _read_payload(body: bytes) -> _Pressed:
    try:
        (payload,) = parse_qs(body.decode(), strict_parsing=True, max_num_fields=10)["payload"]
        return _Pressed.model_validate_json(payload)
    except (KeyError, ValidationError, ValueError):
        raise BodyMalformed("the body must be a form with one `payload`, the JSON of pressed buttons") from None


def _clean(name: str) -> str:
    return "".join(each for each in name if each.isprintable()) or "somebody"
