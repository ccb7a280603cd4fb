"""Limits over HTTP: how one's own stand, and what those who run the installation do about them."""

from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import APIRouter, Body, Path, Request

from quantum_scheduler.accounts.limits import actions, metrics
from quantum_scheduler.accounts.limits.document import (
    ConsumerDocument,
    LimitsDocument,
    MultiplierDocument,
    MultiplierRequest,
    PlanChoice,
    PlanDocument,
    PlanRequest,
    PlansDocument,
    RateDocument,
    RequestHourDocument,
    RequestsDocument,
    StandingDocument,
    UsageDocument,
)
from quantum_scheduler.accounts.limits.look_up import find_plan, list_multipliers, list_plans, list_request_hours
from quantum_scheduler.accounts.limits.model import Rate, Standing
from quantum_scheduler.accounts.limits.plan import Plan
from quantum_scheduler.accounts.model import Principal
from quantum_scheduler.accounts.quota.model import Allowance
from quantum_scheduler.accounts.routes import Caller, Database, WholeDatabase, needs

router = APIRouter(prefix="/v1", tags=["Limits"])

Observer = Annotated[Principal, needs("ops:read")]
Operator = Annotated[Principal, needs("ops:write")]
PlanName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{0,39}$", description="Name of the plan.")]

_DEFINE = {
    "plan": {
        "value": {
            "key": {"requests": 600, "window_s": 60},
            "organisation": {"requests": 3000, "window_s": 60},
            "requests_at_once": 50,
            "quotas": {
                "solve_ms": {"amount": 360_000_000},
                "stored_bytes": {"amount": 10_000_000_000, "is_soft": True},
            },
            "reason": "a new offer",
        }
    }
}
_CHOOSE = {"team": {"value": {"plan": "team", "reason": "signed up", "incident_id": None}}}
_MULTIPLY = {"half": {"value": {"multiplier": 0.5, "minutes": 30, "reason": "the database is slow"}}}
GivenPlan = Annotated[PlanRequest, Body(openapi_examples=_DEFINE)]
Choice = Annotated[PlanChoice, Body(openapi_examples=_CHOOSE)]
GivenMultiplier = Annotated[MultiplierRequest, Body(openapi_examples=_MULTIPLY)]

_UNKNOWN_PLAN: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such plan or organisation."}}
_UNKNOWN_CLASS: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such class of rates."}}


@router.get("/limits", operation_id="getLimits", summary="Show the rate limits", response_description="How they stand.")
async def get_limits(request: Request, caller: Caller, rows: Database) -> LimitsDocument:
    """The same is told in the headers `RateLimit-Policy` and `RateLimit` of every answer."""
    async with rows.acquire() as conn:
        plan = await find_plan(conn, caller.plan)
    standings = cast("list[Standing]", request.state.standings)
    return LimitsDocument(
        plan=plan.name,
        requests_at_once=plan.requests_at_once,
        standings=[
            StandingDocument(
                layer=each.layer,
                rate=RateDocument.of(each.rate),
                remaining=each.remaining,
                full_after_s=each.full_after_s,
            )
            for each in standings
        ],
    )


@router.get("/usage", operation_id="getUsage", summary="Show the requests", response_description="What was asked.")
async def get_usage(caller: Caller, rows: Database) -> UsageDocument:
    """Requests are counted by the hour (UTC), as of a few seconds ago."""
    async with rows.acquire() as conn:
        hours = await list_request_hours(conn, caller.org_id)
    return UsageDocument(
        requests=sum(each.requests for each in hours),
        refused=sum(each.refused for each in hours),
        hours=[
            RequestHourDocument(hour_at=each.hour_at, requests=each.requests, refused=each.refused) for each in hours
        ],
    )


@router.get("/admin/plans", operation_id="listPlans", summary="List plans", response_description="The plans.")
async def get_plans(_caller: Observer, pool: WholeDatabase) -> PlansDocument:
    """Every plan, with how many organisations have it."""
    async with pool.acquire() as conn:
        return PlansDocument(items=[PlanDocument.of(plan) for plan in await list_plans(conn)])


@router.put("/admin/plans/{name}", operation_id="definePlan", summary="Define a plan", response_description="The plan.")
async def put_plan(name: PlanName, given: GivenPlan, caller: Operator, pool: WholeDatabase) -> PlanDocument:
    """Make a plan, or change it for all who have it."""
    plan = Plan(
        name=name,
        key=Rate(requests=given.key.requests, window_s=given.key.window_s),
        organisation=Rate(requests=given.organisation.requests, window_s=given.organisation.window_s),
        requests_at_once=given.requests_at_once,
        quotas={meter: Allowance(amount=q.amount, is_soft=q.is_soft) for meter, q in given.quotas.items()},
    )
    async with pool.acquire() as conn, conn.transaction():
        await actions.define_plan(conn, plan, reason=given.reason, by=caller, incident_id=given.incident_id)
        return PlanDocument.of(await find_plan(conn, name))


@router.put(
    "/admin/organisations/{org_id}/plan",
    operation_id="setPlan",
    summary="Give an organisation a plan",
    response_description="The plan.",
    responses=_UNKNOWN_PLAN,
)
async def put_plan_of(org_id: UUID, given: Choice, caller: Operator, pool: WholeDatabase) -> PlanDocument:
    """From the commit on its limits and quotas are those of the plan."""
    async with pool.acquire() as conn, conn.transaction():
        await actions.set_plan(conn, org_id, given.plan, reason=given.reason, by=caller, incident_id=given.incident_id)
        return PlanDocument.of(await find_plan(conn, given.plan))


@router.put(
    "/admin/limits/{class_name}/multiplier",
    operation_id="setMultiplier",
    summary="Multiply rates for a while",
    response_description="The multiplier.",
    responses=_UNKNOWN_CLASS,
)
async def put_multiplier(
    class_name: Annotated[
        str, Path(pattern=r"^[a-z][a-z0-9-]{0,39}$", description="`network`, `key`, `organisation`, or a plan.")
    ],
    given: GivenMultiplier,
    caller: Operator,
    pool: WholeDatabase,
) -> MultiplierDocument:
    """After its time the rates go back within five minutes."""
    async with pool.acquire() as conn, conn.transaction():
        multiplier = await actions.set_multiplier(
            conn,
            class_name,
            given.multiplier,
            minutes=given.minutes,
            reason=given.reason,
            by=caller,
            incident_id=given.incident_id,
        )
    return MultiplierDocument.of(multiplier)


@router.get(
    "/admin/limits",
    operation_id="getRequests",
    summary="Show what is asked of the API",
    response_description="Shares, response times, top consumers and multipliers.",
)
async def get_requests(_caller: Observer, pool: WholeDatabase) -> RequestsDocument:
    """As of a few seconds ago, over the last five minutes."""
    async with pool.acquire() as conn:
        stats = await metrics.request_stats(conn)
        consumers = await metrics.top_consumers(conn)
        multipliers = await list_multipliers(conn)
    return RequestsDocument(
        rate_limit_exceeded=metrics.rate_limit_exceeded(stats),
        rate_limit_shadowed=metrics.rate_limit_shadowed(stats),
        error_rate=metrics.error_rate(stats),
        response_p95_s=metrics.response_time_s(stats, 0.95),
        response_p99_s=metrics.response_time_s(stats, 0.99),
        response_p95_s_by_route=metrics.response_times_s(stats, 0.95),
        response_p99_s_by_route=metrics.response_times_s(stats, 0.99),
        top_consumers=[
            ConsumerDocument(**{name: getattr(each, name) for name in ConsumerDocument.model_fields})
            for each in consumers
        ],
        multipliers=[MultiplierDocument.of(each) for each in multipliers],
    )
