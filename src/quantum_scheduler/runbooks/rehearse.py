"""Rehearse a run: say what it would do now, and change nothing.

The machine runs in a time of its own: what only looks is really asked, what would change something is only named,
people are taken to consent, and what a step waits for is taken to come true.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from quantum_scheduler.expressions.evaluate import UNKNOWN, Value, evaluate, evaluate_arguments
from quantum_scheduler.expressions.parse import Expression
from quantum_scheduler.incidents.model import Incident
from quantum_scheduler.monitoring.metric import Table
from quantum_scheduler.monitoring.snapshot import LiveMetrics
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.runbooks.actions.desk import Parts
from quantum_scheduler.runbooks.actions.table import find_action
from quantum_scheduler.runbooks.advance import advance, begin
from quantum_scheduler.runbooks.agenda import Agenda
from quantum_scheduler.runbooks.event import (
    Answered,
    Call,
    Effect,
    Evaluate,
    Evaluated,
    Record,
    Returned,
    Wake,
    Woken,
)
from quantum_scheduler.runbooks.plan import Plan
from quantum_scheduler.runbooks.scope import RunScope
from quantum_scheduler.runbooks.shelf import Book
from quantum_scheduler.runbooks.state import GateKind, State

# A runbook that never ends does so here.
EVENTS_MAX = 5_000
REALLY_ASKED = frozenset({"when", "branch"})
CONSENTS: Mapping[GateKind, str] = {"failed": "skip"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Something that a run would do: in which step, and in words."""

    step: str
    kind: str
    says: str


async def rehearse(
    pool: Pool, book: Book, incident: Incident | None, parts: Parts, table: Table, *, now: datetime
) -> list[Said]:
    """Say what a run would do now, in order."""
    rehearsal = _Rehearsal(pool, book, incident, parts, table, now)
    await rehearsal.play()
    return rehearsal.said


class _Rehearsal:
    """One rehearsal, from its first event to its last."""

    def __init__(
        self, pool: Pool, book: Book, incident: Incident | None, parts: Parts, table: Table, now: datetime
    ) -> None:
        self.said: list[Said] = []
        self._plan = Plan(book.runbook)
        self._incident = incident
        self._pool = pool
        self._parts = parts
        self._metrics = LiveMetrics(pool, table, now=lambda: datetime.now(UTC))
        self._began_s = now.timestamp()
        self._agenda = Agenda()

    async def play(self) -> None:
        now_s = self._began_s
        state, effects = begin(self._plan, began_s=now_s, now_s=now_s)
        await self._follow(state, effects, now_s)
        for _ in range(EVENTS_MAX):
            if self._agenda.next_s is None or state.is_finished:
                return
            now_s, event = self._agenda.take()
            state, effects = advance(self._plan, state, event, now_s)
            await self._follow(state, effects, now_s)

    async def _follow(self, state: State, effects: Sequence[Effect], now_s: float) -> None:
        for effect in effects:
            match effect:
                case Call(pc=pc, call=call):
                    value = await self._call(state, state.ops[pc].step, call)
                    self._agenda.put(now_s, Returned(pc=pc, value=value))
                case Evaluate(pc=pc, look=look, expressions=expressions):
                    op = state.ops[pc]
                    values: list[Value] = [True for _ in expressions]
                    if op.kind in REALLY_ASKED:
                        values = [await evaluate(each, self._scope(state)) for each in expressions]
                    elif op.kind in {"check", "wait"}:
                        self._say(op.step, op.kind, f"would {op.kind} `{expressions[0].text}`")
                    self._agenda.put(now_s, Evaluated(pc=pc, look=look, values=tuple(values)))
                case Wake(pc=pc, look=look, at_s=at_s):
                    self._agenda.put(max(at_s, now_s), Woken(pc=pc, look=look))
                case Record():
                    self._note(effect, now_s)

    def _note(self, record: Record, now_s: float) -> None:
        title = str(record.detail.get("title", ""))
        match record.kind:
            case "phase_started":
                self._say(record.step, "phase", title)
            case "asked":
                gate: GateKind = record.detail["gate"]
                options = record.detail["options"]
                said = CONSENTS.get(gate, options[0])
                whom = " or ".join(record.detail["roles"])
                self._say(record.step, "ask", f"would ask {whom}: {title} ({' / '.join(options)}); taken as {said!r}")
                self._agenda.put(now_s, Answered(step=record.step, answer=said, by="rehearsal"))
            case "branch":
                self._say(record.step, "branch", f"goes into the branch {record.detail['branch']!r}")
            case "step_skipped":
                self._say(record.step, "skip", f"would skip {title}")
            case "step_failed":
                self._say(record.step, "fail", f"would fail at {title}: {record.detail['reason']}")

    async def _call(self, state: State, step: str, call: Expression) -> Any:
        """Really ask what only looks; of anything else, say what would be called."""
        scope = self._scope(state)
        name, arguments, keywords = await evaluate_arguments(call, scope)
        action = find_action(name)
        if action.effect != "read":
            self._say(step, action.effect, f"would call {_write_call(name, arguments, keywords, call)}")
            return {}
        result = await scope.call(name, arguments, keywords)
        self._say(step, "read", f"asks {_write_call(name, arguments, keywords, call)}")
        return None if result is UNKNOWN else result

    def _scope(self, state: State) -> RunScope:
        return RunScope(
            run_id=0,
            runbook=self._plan.runbook.name,
            results=state.results,
            incident=self._incident,
            metrics=self._metrics,
            pool=self._pool,
            parts=self._parts,
            now=lambda: datetime.now(UTC),
        )

    def _say(self, step: str, kind: str, says: str) -> None:
        self.said.append(Said(step=step, kind=kind, says=says if kind == "phase" else f"  {step}  {says}"))


def _write_call(name: str, arguments: Sequence[Value], keywords: Mapping[str, Value], call: Expression) -> str:
    """Write a call with the values of its arguments; as it is written, where one is known only later."""
    if UNKNOWN in (*arguments, *keywords.values()):
        return call.text
    given = [*(repr(each) for each in arguments), *(f"{key}={each!r}" for key, each in keywords.items())]
    return f"{name}({', '.join(given)})"
