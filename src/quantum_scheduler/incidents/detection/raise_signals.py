"""Watch the signals of all runbooks: raise one incident for those of a runbook, and end it when all have cleared."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeAlias, get_args

import structlog

from quantum_scheduler.expressions.evaluate import evaluate
from quantum_scheduler.incidents import move, respond
from quantum_scheduler.incidents.alerts import store as alerts
from quantum_scheduler.incidents.alerts.model import Source
from quantum_scheduler.incidents.detection import store
from quantum_scheduler.incidents.detection.model import Standing, Watched
from quantum_scheduler.incidents.look_up import find_incident
from quantum_scheduler.incidents.model import TITLE_CHARS_MAX, UNRESOLVED, Incident, NewIncident
from quantum_scheduler.incidents.paging.announce import Audience
from quantum_scheduler.incidents.status.follow import name_components
from quantum_scheduler.monitoring.detect import Change, Rule, Signal, watch_signal
from quantum_scheduler.monitoring.maintenance.plan import find_maintained
from quantum_scheduler.monitoring.snapshot import Snapshot
from quantum_scheduler.postgres.connect import Connection

ACTOR = "detection"
# What a person has resolved and is still so after so long was not resolved.
STANDS_AGAIN_AFTER = timedelta(minutes=10)
WORST = "P0"

log = structlog.get_logger(__name__)


# Whether a run for an incident is under way.
IsFollowed: TypeAlias = Callable[[Connection, Incident], Awaitable[bool]]


async def by_nobody(_conn: Connection, _incident: Incident) -> bool:
    """Say that no run is under way, where runbooks are left to people."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What one sample has made of a signal."""

    watched: Watched
    standing: Standing
    change: Change | None


class Detector:
    """Watches signals; what it has seen of them is in the database after every look, for whoever comes next.

    `backends` names the backend of each metric that belongs to one. `is_followed` says whether a run for an incident is
    under way, which will not be cut short. Two signals of one runbook must not share a title.
    """

    def __init__(
        self,
        signals: Sequence[Watched],
        audience: Audience,
        *,
        backends: Mapping[str, str],
        is_followed: IsFollowed = by_nobody,
    ) -> None:
        self._signals = tuple(signals)
        self._audience = audience
        self._backends = backends
        self._is_followed = is_followed
        self._standings: dict[Rule, Standing] | None = None
        self._next: dict[Rule, Standing] | None = None

    async def look(self, conn: Connection, snapshot: Snapshot) -> None:
        """Take one sample of every signal and do what follows from it.

        Joins the caller's transaction; once that is committed, call `keep`.
        """
        before = self._standings
        if before is None:
            before = await self._take_over(conn, now=snapshot.at)
        seen = [await self._watch(each, before[each.rule], snapshot) for each in self._signals]
        maintained = await find_maintained(conn, now=snapshot.at)
        standings = dict(before)
        for each in seen:
            try:
                # Of one signal that cannot be acted on, the others must not suffer.
                async with conn.transaction():
                    standings[each.watched.rule] = await self._act(conn, each, seen, maintained, snapshot)
            except Exception:
                log.exception("detection.failed", signal=each.watched.rule.title)
        for each in seen:
            if each.change == "cleared" and each.standing.incident_id is not None:
                await self._clear(conn, each, standings, snapshot.at)
        for incident_id in await store.find_left(conn, ACTOR):
            await self._end(conn, incident_id, now=snapshot.at)
        changed = {rule: standing for rule, standing in standings.items() if before[rule] != standing}
        await store.write_standings(conn, changed, snapshot.at)
        self._next = standings

    def keep(self) -> None:
        """Go on from what the last look has seen, now that it is written down."""
        self._standings = self._next

    async def _take_over(self, conn: Connection, *, now: datetime) -> dict[Rule, Standing]:
        """Go on from what was seen before; end what signals have raised that no runbook has any more."""
        known = {(each.runbook, each.title): each for each in await store.read_signals(conn)}
        standings: dict[Rule, Standing] = {}
        for watched in self._signals:
            before = known.pop((watched.rule.runbook, watched.rule.title), None)
            standing = Standing() if before is None else store.read_standing(before)
            if standing.definition != watched.definition:
                # What was seen says nothing of the new condition; what it has raised is still its own.
                signal = Signal(is_raised=standing.signal.is_raised)
                standing = replace(standing, definition=watched.definition, signal=signal)
            standings[watched.rule] = standing
        await store.forget_signals(conn, list(known.values()))
        left = {each.incident_id for each in standings.values()} | {None}
        for incident_id in {each.incident_id for each in known.values()} - left:
            assert incident_id is not None
            await self._end(conn, incident_id, now=now)
        return standings

    async def _watch(self, watched: Watched, standing: Standing, snapshot: Snapshot) -> _Seen:
        rule, now_s = watched.rule, snapshot.at.timestamp()
        signal, change = watch_signal(
            rule,
            standing.signal,
            when=await evaluate(rule.when, snapshot),
            clears_when=await evaluate(rule.clears_when, snapshot),
            now_s=now_s,
        )
        return _Seen(watched=watched, standing=replace(standing, signal=signal), change=change)

    async def _act(
        self, conn: Connection, each: _Seen, seen: Sequence[_Seen], maintained: frozenset[str], snapshot: Snapshot
    ) -> Standing:
        """Raise what stands and has no incident, unless something holds it back."""
        standing, now = each.standing, snapshot.at
        if not standing.signal.is_raised:
            return replace(standing, incident_id=None, held_back=None, is_flapping=False)
        if standing.incident_id is not None and not await self._stands_again(conn, standing.incident_id, now):
            return await self._mark_flapping(conn, standing, now)
        held_back = _find_maintained(each.watched, maintained) or self._find_worse(each, seen)
        if held_back is not None:
            return replace(standing, held_back=held_back)
        incident = await self._raise(conn, each, snapshot)
        return replace(standing, incident_id=incident.id, held_back=None)

    async def _raise(self, conn: Connection, each: _Seen, snapshot: Snapshot) -> Incident:
        watched, now = each.watched, snapshot.at
        rule, began_s = watched.rule, each.standing.signal.first_true_s
        new = NewIncident(
            title=f"{watched.heading}: {rule.title}"[:TITLE_CHARS_MAX],
            severity=rule.severity,
            runbook=rule.runbook,
            key=watched.key,
            began_at=None if began_s is None else datetime.fromtimestamp(began_s, UTC),
            policy=watched.policy,
            service=watched.service or None,
        )
        incident, came_to = await respond.raise_incident(conn, new, self._audience, actor=ACTOR, now=now)
        if came_to == "same" and incident.state == "mitigated":
            why = f"{rule.title}: `{rule.when.text}`"
            incident = await respond.worsen(conn, incident.id, self._audience, actor=ACTOR, now=now, why=why)
        readings = {name: snapshot.values[name] for name in watched.metrics if name in snapshot.values}
        detail = {"signal": rule.title, "when": rule.when.text, "for": str(rule.hold), "readings": readings}
        await move.note(conn, incident.id, "detected", actor=ACTOR, now=now, detail=detail)
        log.info("detection.raised", incident=incident.name, signal=rule.title, came_to=came_to)
        return incident

    async def _clear(self, conn: Connection, each: _Seen, standings: Mapping[Rule, Standing], now: datetime) -> None:
        """End an incident with the last of the signals that have raised it."""
        incident_id = each.standing.incident_id
        assert incident_id is not None
        detail = {"signal": each.watched.rule.title, "when": each.watched.rule.clears_when.text}
        await move.note(conn, incident_id, "cleared", actor=ACTOR, now=now, detail=detail)
        if all(standing.incident_id != incident_id for standing in standings.values()):
            await self._end(conn, incident_id, now=now)

    async def _end(self, conn: Connection, incident_id: int, *, now: datetime) -> None:
        """Resolve an incident whose signals have cleared; where people or a run are at it, only call it mitigated."""
        incident = await find_incident(conn, incident_id)
        if incident.state not in UNRESOLVED or await alerts.is_any_firing(conn, incident_id):
            return
        is_its_own = await alerts.who_raised(conn, incident_id) in (ACTOR, *get_args(Source))
        is_attended = incident.acknowledged_by is not None or await self._is_followed(conn, incident)
        if is_attended or not is_its_own:
            await respond.mitigate(conn, incident_id, self._audience, actor=ACTOR, now=now)
            return
        resolution = "Everything that was detected has cleared."
        await respond.resolve(conn, incident_id, self._audience, actor=ACTOR, now=now, resolution=resolution)

    async def _mark_flapping(self, conn: Connection, standing: Standing, now: datetime) -> Standing:
        is_flapping = standing.signal.is_flapping(now.timestamp())
        if is_flapping and not standing.is_flapping:
            assert standing.incident_id is not None
            detail = {"changes": len(standing.signal.changes_s)}
            await move.note(conn, standing.incident_id, "flapping", actor=ACTOR, now=now, detail=detail)
        return replace(standing, is_flapping=is_flapping)

    async def _stands_again(self, conn: Connection, incident_id: int, now: datetime) -> bool:
        """Whether an incident was resolved so long ago that what still stands must be raised anew."""
        incident = await find_incident(conn, incident_id)
        return incident.resolved_at is not None and now >= incident.resolved_at + STANDS_AGAIN_AFTER

    def _find_worse(self, each: _Seen, seen: Iterable[_Seen]) -> str | None:
        """Find what is wrong with all backends, where this is about some of them."""
        watched = each.watched
        if watched.is_of_all_backends or not watched.find_backends(self._backends):
            return None
        for other in seen:
            rule = other.watched.rule
            is_worse = rule.severity == WORST and other.watched.is_of_all_backends and other.standing.signal.is_raised
            if is_worse and (rule.runbook, other.watched.key) != (watched.rule.runbook, watched.key):
                return f"{other.watched.heading}: {rule.title}"
        return None


def _find_maintained(watched: Watched, maintained: frozenset[str]) -> str | None:
    """Find which part of what a signal is about is being worked on."""
    parts = sorted(name_components(watched.service, maintained))
    return f"maintenance of {', '.join(parts)}" if parts else None
