"""Quotas over HTTP: how one's own stand, and how those who run the installation raise them."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field

from quantum_scheduler.accounts.model import Principal
from quantum_scheduler.accounts.quota import actions
from quantum_scheduler.accounts.quota.forecast import end_of, forecast_exhaustion
from quantum_scheduler.accounts.quota.look_up import list_notices, list_upstream, list_usage
from quantum_scheduler.accounts.quota.metrics import quota_exceeded, quota_stats, quota_usage
from quantum_scheduler.accounts.quota.model import AMOUNT_MAX, MONTHLY, Meter, Notice, Usage
from quantum_scheduler.accounts.routes import Caller, Database, WholeDatabase, needs

REASON_LENGTH_MAX = 500

router = APIRouter(prefix="/v1", tags=["Limits"])

Observer = Annotated[Principal, needs("ops:read")]
Operator = Annotated[Principal, needs("ops:write")]
Text = Annotated[str, Field(min_length=1, max_length=REASON_LENGTH_MAX, pattern=r"^[^\x00-\x1f\x7f]*$")]


class NoticeDocument(BaseModel):
    """That so many percent of a quota were spoken for."""

    model_config = ConfigDict(title="QuotaNotice")

    percent: int
    noticed_at: datetime


class QuotaDocument(BaseModel):
    """How one quota stands. Times are in milliseconds, and begin anew with each month in UTC."""

    model_config = ConfigDict(title="Quota")

    meter: Meter
    amount: int
    is_soft: bool = Field(description="Beyond it work goes on.")
    used: int
    reserved: int = Field(description="What jobs that have not ended may still use.")
    share: float = Field(description="The part of the amount that is used or reserved.")
    resets_at: datetime | None
    exhausted_at: datetime | None = Field(description="When it will be used up if all goes on as it did.")
    notices: list[NoticeDocument]

    @classmethod
    def of(cls, usage: Usage, notices: Iterable[Notice], now: datetime) -> Self:
        """Show a quota."""
        told = [each for each in notices if (each.meter, each.period) == (usage.meter, usage.period)]
        return cls(
            meter=usage.meter,
            amount=usage.amount,
            is_soft=usage.is_soft,
            used=usage.used,
            reserved=usage.reserved,
            share=usage.share,
            resets_at=end_of(usage.period) if usage.meter in MONTHLY else None,
            exhausted_at=forecast_exhaustion(usage, now),
            notices=[NoticeDocument(percent=each.percent, noticed_at=each.noticed_at) for each in told],
        )


class QuotasDocument(BaseModel):
    """The quotas of the plan; a meter that is not named is not counted."""

    model_config = ConfigDict(title="Quotas")

    items: list[QuotaDocument]


class RaiseRequest(BaseModel):
    """How much an organisation shall have in the present period, and why."""

    model_config = ConfigDict(extra="forbid")

    to: int = Field(ge=0, le=AMOUNT_MAX)
    reason: Text
    incident_id: Text | None = None


class UpstreamDocument(BaseModel):
    """A quota of the installation's own with a vendor, as last reported."""

    model_config = ConfigDict(title="UpstreamQuota")

    backend: str
    meter: str
    used: float
    amount: float
    resets_at: datetime | None
    reported_at: datetime | None


class CustomerNoticeDocument(NoticeDocument):
    """That an organisation was told how much of a quota is spoken for."""

    model_config = ConfigDict(title="CustomerNotice")

    org_id: UUID
    meter: Meter
    period: date


class QuotaOverviewDocument(BaseModel):
    """How the quotas of all stand."""

    model_config = ConfigDict(title="QuotaOverview")

    quota_usage: dict[str, float] = Field(description="By scope, the highest share that is spoken for.")
    quota_exceeded: int = Field(description="Jobs refused for want of quota in the present periods.")
    upstream: list[UpstreamDocument]
    notices: list[CustomerNoticeDocument] = Field(description="The newest.")


_RAISE = {"solve_ms": {"value": {"to": 720_000_000, "reason": "asked for it by mail"}}}
Raise = Annotated[RaiseRequest, Body(openapi_examples=_RAISE)]

_UNCOUNTED: dict[int | str, dict[str, Any]] = {404: {"description": "No plan of this organisation counts the meter."}}


@router.get("/quota", operation_id="getQuota", summary="Show the quotas", response_description="How they stand.")
async def get_quota(caller: Caller, rows: Database) -> QuotasDocument:
    """A job reserves the most that it may use when it is submitted, and gives back the rest when it ends."""
    async with rows.acquire() as conn:
        usages = await list_usage(conn, caller.org_id)
        notices = await list_notices(conn, caller.org_id)
    now = datetime.now(UTC)
    return QuotasDocument(items=[QuotaDocument.of(usage, notices, now) for usage in usages])


@router.get(
    "/admin/quota",
    operation_id="getQuotaOverview",
    summary="Show the quotas of all",
    response_description="Shares, refusals, vendors' quotas and the newest notices.",
)
async def get_overview(_caller: Observer, pool: WholeDatabase) -> QuotaOverviewDocument:
    """An upstream share above 0.9 is an incident, a customer's a notice."""
    async with pool.acquire() as conn:
        stats = await quota_stats(conn)
        upstream = await list_upstream(conn)
        notices = await list_notices(conn)
    return QuotaOverviewDocument(
        quota_usage={str(scope): share for scope, share in quota_usage(stats).items()},
        quota_exceeded=quota_exceeded(stats),
        upstream=[
            UpstreamDocument(**{name: getattr(each, name) for name in UpstreamDocument.model_fields})
            for each in upstream
        ],
        notices=[
            CustomerNoticeDocument(**{name: getattr(each, name) for name in CustomerNoticeDocument.model_fields})
            for each in notices
        ],
    )


@router.get(
    "/admin/organisations/{org_id}/quota",
    operation_id="getQuotaOf",
    summary="Show the quotas of an organisation",
    response_description="How they stand.",
)
async def get_quota_of(org_id: UUID, _caller: Observer, pool: WholeDatabase) -> QuotasDocument:
    """As the organisation sees them itself."""
    async with pool.acquire() as conn:
        usages = await list_usage(conn, org_id)
        notices = await list_notices(conn, org_id)
    now = datetime.now(UTC)
    return QuotasDocument(items=[QuotaDocument.of(usage, notices, now) for usage in usages])


@router.put(
    "/admin/organisations/{org_id}/quota/{meter}",
    operation_id="raiseQuota",
    summary="Raise a quota of an organisation",
    response_description="How it stands.",
    responses=_UNCOUNTED,
)
async def put_raise(
    org_id: UUID,
    meter: Meter,
    given: Raise,
    caller: Operator,
    pool: WholeDatabase,
) -> QuotaDocument:
    """It lasts for the present period, and never lowers what was raised before."""
    async with pool.acquire() as conn, conn.transaction():
        usage = await actions.raise_quota(
            conn, org_id, meter, given.to, reason=given.reason, by=caller, incident_id=given.incident_id
        )
        notices = await list_notices(conn, org_id)
    return QuotaDocument.of(usage, notices, datetime.now(UTC))
