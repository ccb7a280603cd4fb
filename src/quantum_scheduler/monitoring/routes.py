"""The metrics over HTTP: for Prometheus, and as JSON for the console and programs."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from quantum_scheduler.accounts.model import KeyMissing, Principal
from quantum_scheduler.accounts.routes import WholeDatabase, needs
from quantum_scheduler.expressions.duration import parse_duration, write_duration
from quantum_scheduler.monitoring.expose import read_exposition, write_exposition
from quantum_scheduler.monitoring.history import read_latest, read_series
from quantum_scheduler.monitoring.metric import Metric, Reading, Table
from quantum_scheduler.monitoring.sample_model import decode

STEPS_WANTED = 120
STEP_MIN_S = 5.0

router = APIRouter(prefix="/v1/metrics", tags=["Operations"])
scrape = APIRouter(tags=["Service"])


class MetricUnknown(LookupError):  # noqa: N818  an error is named for what happened
    """No metric has this name."""


class SpanInvalid(ValueError):  # noqa: N818
    """A time to look back is none, or would be too many points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsDoor:
    """What is shown, and the token that Prometheus shows; without one, this machine alone may look."""

    table: Table
    token: str | None = None


class MetricDocument(BaseModel):
    """A metric: what it is, and its value in the last sample."""

    model_config = ConfigDict(title="Metric")

    name: str
    value: float | bool | str | None = Field(description="Null where it is not known.")
    meaning: str
    unit: str
    kind: Literal["gauge", "counter", "state"]
    window: str | None = Field(description="How far back it looks; null where it speaks of one moment.")
    minimum: int = Field(description="Of fewer samples it is not known.")
    states: tuple[str, ...]
    labels: dict[str, str]


class MetricsDocument(BaseModel):
    """Every metric as of the last sample."""

    model_config = ConfigDict(title="Metrics")

    at: datetime | None = Field(description="When it was taken; null where there is none yet.")
    items: list[MetricDocument]


class PointDocument(BaseModel):
    """A metric over one step: a state is the worst that it was."""

    model_config = ConfigDict(title="MetricPoint")

    at: datetime
    mean: float | None = Field(description="Null for a state.")
    least: float | None
    most: float | None
    state: str | None


class SeriesDocument(BaseModel):
    """What a metric was, the oldest first; where it was not known there is no point."""

    model_config = ConfigDict(title="MetricSeries")

    metric: MetricDocument
    since: datetime
    step_s: float
    points: list[PointDocument]


def _find_door(request: Request) -> MetricsDoor:
    return cast("MetricsDoor", request.app.state.metrics)


Door = Annotated[MetricsDoor, Depends(_find_door)]


@scrape.get(
    "/metrics",
    operation_id="scrapeMetrics",
    summary="Scrape the metrics",
    response_class=Response,
    response_description="The last sample, counters and histograms, as Prometheus reads them.",
    responses={
        200: {"content": {"text/plain": {}, "application/openmetrics-text": {}}},
        401: {"description": "The token is not the one of METRICS_TOKEN; without one, only this machine may look."},
    },
)
async def scrape_metrics(request: Request, door: Door, pool: WholeDatabase) -> Response:
    """Show what every process of the service shows alike. As OpenMetrics, histograms have exemplars."""
    if not _may_scrape(request, door.token):
        raise KeyMissing
    async with pool.acquire() as conn:
        exposition = await read_exposition(conn, door.table, now=datetime.now(UTC))
    body, content_type = write_exposition(exposition, request.headers.get("accept", ""))
    return Response(body, headers={"content-type": content_type})


@router.get(
    "",
    operation_id="listMetrics",
    summary="List metrics",
    response_description="Every metric as of the last sample.",
)
async def list_metrics(
    _operator: Annotated[Principal, needs("ops:read")], door: Door, pool: WholeDatabase
) -> MetricsDocument:
    """List every metric with its value in the last sample, which is a few seconds old."""
    async with pool.acquire() as conn:
        at, readings = await read_latest(conn, door.table)
    return MetricsDocument(at=at, items=[describe_metric(each, readings[each.name]) for each in door.table.sampled])


@router.get(
    "/{name}",
    operation_id="getMetric",
    summary="Get what a metric was",
    response_description="The metric, and what it was.",
    responses={404: {"description": "No metric has this name."}},
)
async def get_metric(
    _operator: Annotated[Principal, needs("ops:read")],
    door: Door,
    pool: WholeDatabase,
    name: Annotated[str, Path(max_length=100, description="Such as qih.queue_depth.")],
    since: Annotated[str, Query(max_length=20, description="How far back, such as 1h or 7d.")] = "1h",
    step: Annotated[
        str | None, Query(max_length=20, description="Over how long a point speaks; without it, what fits.")
    ] = None,
) -> SeriesDocument:
    """Tell what a metric was, in steps with mean, least and most; a state with the worst that it was."""
    metric = find_sampled(door.table, name)
    now = datetime.now(UTC)
    since_s, step_s = read_span(since, step)
    began = now - timedelta(seconds=since_s)
    try:
        async with pool.acquire() as conn:
            points = await read_series(conn, name, since=began, until=now, step=timedelta(seconds=step_s))
            _, readings = await read_latest(conn, door.table)
    except ValueError as error:
        raise SpanInvalid(str(error)) from None
    is_state = bool(metric.states)
    return SeriesDocument(
        metric=describe_metric(metric, readings[name]),
        since=began,
        step_s=step_s,
        points=[
            PointDocument(
                at=each.at,
                mean=None if is_state else each.mean,
                least=None if is_state else each.least,
                most=None if is_state else each.most,
                state=str(decode(metric, each.most)) if is_state else None,
            )
            for each in points
        ],
    )


def find_sampled(table: Table, name: str) -> Metric:
    """Find a metric that is sampled. Raises MetricUnknown."""
    metric = table.get(name)
    if metric is None or metric.source is None:
        raise MetricUnknown(f"no metric that is sampled is called {name}")
    return metric


def read_span(since: str, step: str | None) -> tuple[float, float]:
    """Read how far back to look and in which steps, in seconds. Raises SpanInvalid."""
    try:
        since_s = parse_duration(since)
        step_s = max(STEP_MIN_S, since_s / STEPS_WANTED) if step is None else parse_duration(step)
    except ValueError as error:
        raise SpanInvalid(str(error)) from None
    return since_s, step_s


def describe_metric(metric: Metric, reading: Reading) -> MetricDocument:
    """Describe a metric and its value."""
    return MetricDocument(
        name=metric.name,
        value=reading,
        meaning=metric.meaning,
        unit=metric.unit,
        kind=metric.kind,
        window=None if metric.window_s is None else write_duration(metric.window_s),
        minimum=metric.minimum,
        states=metric.states,
        labels=dict(metric.labels),
    )


def _may_scrape(request: Request, token: str | None) -> bool:
    """Whether somebody may look: with the token, or without one from this machine, and not on another's behalf."""
    if token is not None:
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        return kind.lower() == "bearer" and secrets.compare_digest(given.strip().encode(), token.encode())
    if request.client is None or "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False
