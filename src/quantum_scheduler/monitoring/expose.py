"""Show the metrics to Prometheus: the last sample, counters, and histograms of how long answers and solves take."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, groupby
from typing import TypeAlias

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

from quantum_scheduler.accounts.limits.meter import LATENCY_BOUNDS_MS
from quantum_scheduler.accounts.limits.metrics import request_totals
from quantum_scheduler.accounts.limits.request_model import RouteTotal
from quantum_scheduler.monitoring.count_solves import SOLVE_BOUNDS_S, read_solves
from quantum_scheduler.monitoring.history import read_latest
from quantum_scheduler.monitoring.metric import Metric, Reading, Table
from quantum_scheduler.monitoring.sample_model import SolveKind, SolveTotal
from quantum_scheduler.postgres.connect import Connection

Bucket: TypeAlias = tuple[str, float] | tuple[str, float, Exemplar]
# A sample that is older says nothing of now.
FRESH_FOR = timedelta(seconds=90)
HISTOGRAMS: Mapping[SolveKind, tuple[str, str, str]] = {
    "job": ("job_solve_seconds", "Seconds from start to finish of the jobs that succeeded", "lane"),
    "attempt": ("quantum_attempt_seconds", "Seconds from begin to answer of quantum attempts", "backend"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposition:
    """What is shown at one moment; `at` is when the last sample was taken, None where there is none."""

    table: Table
    now: datetime
    at: datetime | None
    readings: Mapping[str, Reading]
    requests: Sequence[RouteTotal]
    solves: Sequence[SolveTotal]


async def read_exposition(conn: Connection, table: Table, *, now: datetime) -> Exposition:
    """Read what is to be shown from the database, so that every process shows the same."""
    at, readings = await read_latest(conn, table)
    return Exposition(
        table=table,
        now=now,
        at=at,
        readings=readings,
        requests=await request_totals(conn),
        solves=await read_solves(conn),
    )


def write_exposition(exposition: Exposition, accept: str) -> tuple[bytes, str]:
    """Write it as the scraper's Accept header asks, as OpenMetrics with exemplars or as plain text; and its type."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(exposition))
    encode: Callable[[CollectorRegistry], bytes]
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Families(Collector):
    """The families of one exposition."""

    def __init__(self, exposition: Exposition) -> None:
        self._exposition = exposition

    def describe(self) -> Iterable[Family]:
        """Say nothing beforehand."""
        return ()

    def collect(self) -> Iterator[Family]:
        """Go through all families."""
        shown = self._exposition
        if shown.at is not None:
            age = GaugeMetricFamily("metrics_age_seconds", "Seconds since the last sample was taken")
            age.add_metric((), max(0.0, (shown.now - shown.at).total_seconds()))
            yield age
            if shown.now - shown.at <= FRESH_FOR:
                yield from _list_readings(shown)
        yield from _list_requests(shown.requests)
        yield from _list_solves(shown.solves)


def _list_readings(shown: Exposition) -> Iterator[Family]:
    for metric in shown.table.sampled:
        reading = shown.readings[metric.name]
        if reading is not None:
            yield _show(metric, reading)


def _show(metric: Metric, reading: Reading) -> Family:
    """Show a reading; of a state, each that it could be is 1 or 0."""
    name, labels, values = metric.name.replace(".", "_"), [*metric.labels], [*metric.labels.values()]
    family: CounterMetricFamily | GaugeMetricFamily
    if metric.states:
        family = GaugeMetricFamily(name, metric.meaning, labels=[*labels, "state"])
        for state in metric.states:
            family.add_metric([*values, state], float(state == reading))
        return family
    assert reading is not None
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(name, f"{metric.meaning} ({metric.unit})", labels=labels)
    family.add_metric(values, float(reading))
    return family


def _list_requests(requests: Sequence[RouteTotal]) -> Iterator[Family]:
    counter = CounterMetricFamily("api_requests", "Requests that were answered", labels=["route", "status"])
    for each in requests:
        counter.add_metric([each.route, str(each.status)], each.requests)
    yield counter
    help_text = "Seconds until the answer began; requests that asked to wait are left out"
    histogram = HistogramMetricFamily("api_response_seconds", help_text, labels=["route"])
    bounds_s = [bound / 1000 for bound in LATENCY_BOUNDS_MS]
    for route, group in groupby(requests, lambda each: each.route):
        same = list(group)
        counts = [sum(column) for column in zip(*(each.latencies for each in same), strict=True)]
        exemplars = {place: exemplar for each in same for place, exemplar in each.exemplars.items()}
        buckets = _list_buckets(bounds_s, counts, exemplars, "request_id")
        histogram.add_metric([route], buckets, sum(each.seconds for each in same))
    yield histogram


def _list_solves(solves: Sequence[SolveTotal]) -> Iterator[Family]:
    for kind, (name, help_text, label) in HISTOGRAMS.items():
        histogram = HistogramMetricFamily(name, help_text, labels=[label])
        for each in solves:
            if each.kind == kind:
                buckets = _list_buckets(SOLVE_BOUNDS_S, each.counts, each.exemplars, "job_id")
                histogram.add_metric([each.label], buckets, each.seconds)
        yield histogram


def _list_buckets(
    bounds_s: Sequence[float],
    counts: Sequence[int],
    exemplars: Mapping[str, tuple[str, float, float]],
    label: str,
) -> list[Bucket]:
    """List the buckets of a histogram, each with all that took no longer, and one of its own as an example."""
    names = [*(repr(float(bound)) for bound in bounds_s), "+Inf"]
    buckets: list[Bucket] = []
    for place, (name, count) in enumerate(zip(names, accumulate(counts), strict=True)):
        if (example := exemplars.get(str(place))) is None:
            buckets.append((name, float(count)))
        else:
            identity, value, at_s = example
            buckets.append((name, float(count), Exemplar({label: identity}, value, at_s)))
    return buckets
