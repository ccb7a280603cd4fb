"""What a runbook's detection would have raised over recorded metrics, held against the incidents that were declared."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil

from quantum_scheduler.expressions.evaluate import UNKNOWN, Value
from quantum_scheduler.expressions.parse import find_paths
from quantum_scheduler.incidents.look_up import list_incidents
from quantum_scheduler.incidents.model import LISTED_MAX, Incident
from quantum_scheduler.monitoring.detect import Rule, Severity, Signal, watch_signal
from quantum_scheduler.monitoring.history import read_series
from quantum_scheduler.monitoring.hold import Hold
from quantum_scheduler.monitoring.metric import Table
from quantum_scheduler.monitoring.sample_model import LEVELS_S, Point, decode
from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.runbooks.model import Runbook
from quantum_scheduler.runbooks.signals import list_signals
from quantum_scheduler.runbooks.simulation.at_once import evaluate_at_once

SPAN_MAX = timedelta(days=400)
INCIDENTS_MAX = 10_000
# A signal and an incident that began so shortly after each other are of one trouble.
APART_MAX = timedelta(minutes=30)
# A sample tells of no longer than this, where the next one is missing.
SAMPLE_S_MAX = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """A signal that would have been raised, and the incident that was declared of it, if any.

    `lead_s` is by how much it would have been sooner than the declaration; `cleared_at` is None where it still stood.
    """

    title: str
    severity: Severity
    began_at: datetime
    raised_at: datetime
    cleared_at: datetime | None
    incident: str | None = None
    lead_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """An incident of the runbook that no signal would have raised."""

    incident: str
    title: str
    severity: Severity
    began_at: datetime
    declared_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestReport:
    """What detection would have done between two moments.

    `samples` were there to look at, the first at `first_at`; those before `fine_since` are means over minutes or hours,
    in which what is short does not show. `unrecorded` are metrics that have no history. `declared` counts the incidents
    of the runbook, `matched` those that a signal would have raised.
    """

    runbook: str
    since: datetime
    until: datetime
    samples: int
    first_at: datetime | None
    fine_since: datetime | None
    unrecorded: tuple[str, ...]
    raised: tuple[Raised, ...]
    missed: tuple[Missed, ...]
    declared: int

    @property
    def matched(self) -> int:
        """The incidents that a signal would have raised."""
        return self.declared - len(self.missed)

    @property
    def unexplained(self) -> int:
        """The signals that nobody declared an incident of."""
        return sum(each.incident is None for each in self.raised)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What all metrics were from `at` on, for `span_s`; `is_fine` is False for a mean over a minute or an hour."""

    at: datetime
    span_s: float
    is_fine: bool
    values: Mapping[str, Value]

    async def look_up(self, path: str) -> Value:
        """Find the value of a metric; UNKNOWN where it was not known."""
        return self.values.get(path, UNKNOWN)

    async def call(self, _name: str, _arguments: Sequence[Value], _keywords: Mapping[str, Value]) -> Value:
        """Say that it is not known: what a call would have returned is not recorded."""
        return UNKNOWN


async def backtest(
    conn: Connection, runbook: Runbook, table: Table, *, since: datetime, now: datetime, interval_s: float
) -> BacktestReport:
    """Run a runbook's detection over the metrics as they were recorded, as if it had sampled every `interval_s`.

    Raises ValueError.
    """
    if not timedelta(0) < now - since <= SPAN_MAX:
        raise ValueError(f"a backtest looks back for up to {SPAN_MAX.days} days")
    rules = [each.rule for each in list_signals([runbook])]
    names = sorted({path for rule in rules for each in (rule.when, rule.clears_when) for path in find_paths(each)})
    series = {name: await read_series(conn, name, since=since, until=now) for name in names if name in table}
    samples = join_series(series, table)
    raised = [each for rule in rules for each in replay(rule, samples, interval_s=interval_s)]
    incidents = await _find_incidents(conn, runbook.name, since)
    return compare(runbook.name, raised, incidents, samples, names=names, since=since, until=now)


def join_series(series: Mapping[str, Sequence[Point]], table: Table) -> list[Sample]:
    """Put the metrics of each moment together; where one has no point, it was not known."""
    values: dict[datetime, dict[str, Value]] = {}
    for name, points in series.items():
        for point in points:
            number = round(point.mean) if table[name].states else point.mean
            values.setdefault(point.at, {})[name] = decode(table[name], number)
    times = sorted(values)
    apart_s = [(later - at).total_seconds() for at, later in pairwise(times)]
    samples = []
    for place, at in enumerate(times):
        level_s = _find_level(at, min(apart_s[max(0, place - 1) : place + 1], default=0.0))
        until_next_s = apart_s[place] if place < len(apart_s) else level_s
        span_s = min(until_next_s, level_s or SAMPLE_S_MAX)
        samples.append(Sample(at=at, span_s=span_s, is_fine=not level_s, values=values[at]))
    return samples


def replay(rule: Rule, samples: Iterable[Sample], *, interval_s: float) -> Iterator[Raised]:
    """Take sample after sample of one signal, a coarse one as often as it would have been seen till nothing follows."""
    signal, began_at, raised_at = Signal(), None, None
    stirring = 1 + max(_count_samples(each, interval_s) for each in (rule.hold, rule.clears_hold))
    quiet = rule.hold.samples or 1
    for sample in samples:
        when, clears = evaluate_at_once(rule.when, sample), evaluate_at_once(rule.clears_when, sample)
        is_quiet = not signal.is_raised and (when is UNKNOWN or not when)
        for at in _spread(sample, interval_s, quiet if is_quiet else stirring):
            signal, change = watch_signal(rule, signal, when=when, clears_when=clears, now_s=at.timestamp())
            if change == "raised":
                raised_at = at
                began_at = at if signal.first_true_s is None else datetime.fromtimestamp(signal.first_true_s, at.tzinfo)
            elif change == "cleared":
                assert raised_at is not None
                assert began_at is not None
                yield _raise(rule, began_at, raised_at, cleared_at=at)
                began_at, raised_at = None, None
    if raised_at is not None and began_at is not None:
        yield _raise(rule, began_at, raised_at, cleared_at=None)


def compare(
    runbook: str,
    raised: Iterable[Raised],
    incidents: Sequence[Incident],
    samples: Sequence[Sample],
    *,
    names: Sequence[str],
    since: datetime,
    until: datetime,
) -> BacktestReport:
    """Hold what would have been raised against what was declared."""
    last_at = samples[-1].at if samples else until
    told = [_match(each, incidents, last_at) for each in raised]
    matched = {each.incident for each in told}
    recorded = {name for sample in samples for name in sample.values}
    return BacktestReport(
        runbook=runbook,
        since=since,
        until=until,
        samples=len(samples),
        first_at=samples[0].at if samples else None,
        fine_since=next((each.at for each in samples if each.is_fine), None),
        unrecorded=tuple(name for name in names if name not in recorded),
        raised=tuple(sorted(told, key=lambda each: each.raised_at)),
        missed=tuple(
            Missed(
                incident=each.name,
                title=each.title,
                severity=each.severity,
                began_at=each.began_at,
                declared_at=each.declared_at,
            )
            for each in incidents
            if each.name not in matched
        ),
        declared=len(incidents),
    )


def _raise(rule: Rule, began_at: datetime, raised_at: datetime, *, cleared_at: datetime | None) -> Raised:
    return Raised(
        title=rule.title, severity=rule.severity, began_at=began_at, raised_at=raised_at, cleared_at=cleared_at
    )


def _match(raised: Raised, incidents: Iterable[Incident], last_at: datetime) -> Raised:
    """Find the incident that a signal is of: one that was open, or began, when it stood."""
    ends_at = raised.cleared_at or last_at
    for incident in incidents:
        is_before = incident.resolved_at is not None and incident.resolved_at + APART_MAX < raised.began_at
        if not is_before and ends_at >= incident.began_at - APART_MAX:
            lead_s = (incident.declared_at - raised.raised_at).total_seconds()
            return replace(raised, incident=incident.name, lead_s=lead_s)
    return raised


def _spread(sample: Sample, interval_s: float, enough: int) -> Iterator[datetime]:
    """Tell when a sample would have been seen: a fine one once, a coarse one `enough` times and at its end."""
    count = 1 if sample.is_fine else max(1, int(sample.span_s / interval_s))
    for place in range(min(count, enough)):
        yield sample.at + timedelta(seconds=place * interval_s)
    if count > enough:
        yield sample.at + timedelta(seconds=(count - 1) * interval_s)


def _count_samples(hold: Hold, interval_s: float) -> int:
    """How many samples of one kind decide about a hold."""
    return hold.samples if hold.samples is not None else ceil((hold.duration_s or 0.0) / interval_s)


def _find_level(at: datetime, apart_s: float) -> int:
    """Tell from where a sample stands, and how far from others, of how many seconds it is the mean; 0 if of none."""
    levels = (level_s for level_s in sorted(LEVELS_S, reverse=True) if level_s)
    return next((level_s for level_s in levels if apart_s >= level_s and not at.timestamp() % level_s), 0)


async def _find_incidents(conn: Connection, runbook: str, since: datetime) -> list[Incident]:
    """The incidents of a runbook since then, the oldest first."""
    found: list[Incident] = []
    before: int | None = None
    for _ in range(INCIDENTS_MAX // LISTED_MAX):
        page = await list_incidents(conn, before=before, since=since)
        found += [each for each in page if each.runbook == runbook and each.state != "merged"]
        if len(page) < LISTED_MAX:
            break
        before = page[-1].id
    return found[::-1]
