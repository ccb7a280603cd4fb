"""Answers over HTTP. They bear no key: each is signed by the service that sends it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from quantum_scheduler.incidents.answers.model import Answer, AnswerSecrets, ReceiverMissing, SignatureWrong
from quantum_scheduler.incidents.answers.pagerduty import read_pagerduty
from quantum_scheduler.incidents.answers.slack import read_slack
from quantum_scheduler.incidents.answers.take import Outcome, take_answer
from quantum_scheduler.incidents.routes import Door, IncidentDoor
from quantum_scheduler.notifications.model import NOTIFICATION_POSTED
from quantum_scheduler.notifications.routes import takes
from quantum_scheduler.postgres.connect import Pool

router = APIRouter(prefix="/api", tags=["Incidents"])

SIGNED: dict[int | str, dict[str, Any]] = {
    403: {"description": "The signature is not that of the service, or the request was sent before."},
    404: {"description": "The secret of such signatures is not set here."},
}


class PagerDutyRequest(BaseModel):
    """A webhook v3 of PagerDuty."""

    event: dict[str, Any]


REQUEST_BODIES: tuple[type[BaseModel], ...] = (PagerDutyRequest,)

EXAMPLE = {
    "id": "5ac64822-4adc-4fda-ade0-410becf0de4f",
    "event_type": "incident.acknowledged",
    "occurred_at": "2026-11-22T12:00:00Z",
    "agent": {"type": "user_reference", "id": "PLH1HKV", "summary": "Ann"},
    "data": {"incident_key": "incident-2026-11-22-001"},
}


async def _find_secrets(request: Request) -> AnswerSecrets:
    return cast("AnswerSecrets", request.app.state.answer_secrets)


async def _find_pool(request: Request) -> Pool:
    return cast("Pool", request.app.state.pool)


Secrets = Annotated[AnswerSecrets, Depends(_find_secrets)]
Database = Annotated[Pool, Depends(_find_pool)]
_FORM = {"type": "object", "required": ["payload"], "properties": {"payload": {"type": "string"}}}


@router.post(
    "/slack/interactions",
    operation_id="takeSlackInteraction",
    summary="Take the press of a button in Slack",
    status_code=200,
    response_class=Response,
    response_description="Done, or nothing to do.",
    responses=SIGNED,
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": _FORM}}}
    },
)
async def take_slack(request: Request, secrets: Secrets, pool: Database, door: Door) -> None:
    """The request URL of the Slack app's interactivity. `SLACK_SIGNING_SECRET` is that of the app."""
    if secrets.slack is None:
        raise ReceiverMissing("SLACK_SIGNING_SECRET is not set here")
    answers = read_slack(await request.body(), request.headers, secrets.slack, now=datetime.now(UTC))
    if "known" in await _take(pool, door, answers):
        raise SignatureWrong("this request was sent before")


@router.post(
    "/pagerduty/webhook",
    operation_id="takePagerDutyWebhook",
    summary="Take what was done in PagerDuty",
    status_code=200,
    response_class=Response,
    response_description="Done, or nothing to do.",
    responses=SIGNED,
    openapi_extra=takes(PagerDutyRequest, event=EXAMPLE),
)
async def take_pagerduty(request: Request, secrets: Secrets, pool: Database, door: Door) -> None:
    """A webhook subscription v3. `PAGERDUTY_WEBHOOK_SECRET` is the one that PagerDuty showed when it was made.

    An event that is sent again is answered as the first time and does nothing.
    """
    if secrets.pagerduty is None:
        raise ReceiverMissing("PAGERDUTY_WEBHOOK_SECRET is not set here")
    answer = read_pagerduty(await request.body(), request.headers, secrets.pagerduty, now=datetime.now(UTC))
    if answer is not None:
        await _take(pool, door, [answer])


async def _take(pool: Pool, door: IncidentDoor, answers: Sequence[Answer]) -> list[Outcome]:
    async with pool.acquire() as conn, conn.transaction():
        outcomes = [await take_answer(conn, each, door.audience, now=datetime.now(UTC)) for each in answers]
    door.notifier.notify(NOTIFICATION_POSTED)
    return outcomes
