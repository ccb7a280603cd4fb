"""One drill on its way: samples are taken, signals raised, the machine is advanced, people answer."""

import ast
from collections.abc import Iterable

from quantum_scheduler.expressions.evaluate import UNKNOWN, Value, evaluate_arguments
from quantum_scheduler.expressions.parse import Expression
from quantum_scheduler.expressions.registry import Registry, check_call
from quantum_scheduler.monitoring import detect
from quantum_scheduler.monitoring.detect import watch_signal
from quantum_scheduler.runbooks.advance import advance, begin
from quantum_scheduler.runbooks.agenda import Agenda
from quantum_scheduler.runbooks.event import (
    Answered,
    Broke,
    Call,
    Effect,
    Evaluate,
    Evaluated,
    Event,
    Record,
    Returned,
    Wake,
    Woken,
)
from quantum_scheduler.runbooks.model import Answer, Drill
from quantum_scheduler.runbooks.plan import Plan
from quantum_scheduler.runbooks.signals import list_signals
from quantum_scheduler.runbooks.simulation.at_once import evaluate_at_once, run_at_once
from quantum_scheduler.runbooks.simulation.model import Occurrence, Problem
from quantum_scheduler.runbooks.simulation.series import Returns, Series
from quantum_scheduler.runbooks.simulation.world import World
from quantum_scheduler.runbooks.state import State

# A drill goes on for so long after its last sample, and has so many events at most.
AFTERWARDS_S = 2 * 3_600.0
EVENTS_MAX = 50_000
# Somebody ticks off what only people can do, where no answer says who and when.
TICKED_AFTER_S = 60.0
TICKER = "whoever is there"
# What a call of these tells of the incident.
MOVES = {"incident.mitigate": "mitigated", "incident.resolve": "resolved"}
TOLD = {"page": "paged", "escalate": "escalated"}
FAILS = "fails"


class Rehearsal:
    """A drill in virtual time, which counts from its first sample."""

    def __init__(self, plan: Plan, drill: Drill, registry: Registry) -> None:
        self.plan, self.drill, self.registry = plan, drill, registry
        self.now_s = 0.0
        self.trouble_s = 0.0
        self.state: State | None = None
        self.timeline: list[Occurrence] = []
        self.problems: list[Problem] = []
        self.done: set[str] = set()
        self.series, self.returns = Series(drill), Returns(drill)
        self.world = World(plan.runbook.name, self.series, self.returns)
        self.answers: list[Answer] = list(drill.answers)
        self._agenda = Agenda()
        self._signals = [(each.rule, detect.Signal()) for each in list_signals([plan.runbook])]
        self._stirring = True

    @property
    def outcome(self) -> str:
        """How it ended: not_started, succeeded, aborted, or waiting."""
        if self.state is None:
            return "not_started"
        return self.state.status if self.state.is_finished else "waiting"

    def run(self) -> None:
        """Take sample after sample, and in between whatever is due."""
        if not self._signals:
            self._begin()
        ends_s = self.series.samples * self.drill.interval_s + AFTERWARDS_S
        sample_s, events = 0.0, 0
        while not self._is_over() and events < EVENTS_MAX:
            next_s = self._agenda.next_s
            due_s = ends_s + 1.0 if next_s is None else next_s
            if sample_s >= self.series.samples * self.drill.interval_s and not self._stirring:
                sample_s = ends_s + 1.0  # nothing changes any more
            if min(due_s, sample_s) > ends_s:
                break
            if sample_s <= due_s:
                self.now_s, sample_s = sample_s, sample_s + self.drill.interval_s
                self._take_sample()
            else:
                self.now_s, event = self._agenda.take()
                self._advance(event)
            events += 1
        if self.state is not None:
            for op in self.state.gates():
                self._happen("waiting", self.plan.title(op.step), op.step)

    def _is_over(self) -> bool:
        return self.state is not None and self.state.is_finished

    def _take_sample(self) -> None:
        self.world.now_s, self._stirring = self.now_s, False
        begun_s: list[float] = []
        for place, (rule, signal) in enumerate(self._signals):
            when, clears = evaluate_at_once(rule.when, self.world), UNKNOWN
            if signal.is_raised:
                clears = evaluate_at_once(rule.clears_when, self.world)
            watched, change = watch_signal(rule, signal, when=when, clears_when=clears, now_s=self.now_s)
            self._signals[place] = rule, watched
            self._stirring |= watched.is_raised or (when is not UNKNOWN and bool(when))
            if change == "raised":
                self._happen("raised", rule.title, rule.severity)
                # As in earnest, detection declares the incident, and makes it worse where another signal is.
                self.world.state = self.world.state or "open"
                self.world.severity = min(self.world.severity or rule.severity, rule.severity)
                begun_s.append(self.now_s if watched.first_true_s is None else watched.first_true_s)
            elif change == "cleared":
                self._happen("cleared", rule.title)
        if begun_s and self.state is None:
            self.trouble_s = min(begun_s)
            self._begin()

    def _begin(self) -> None:
        self.state, effects = begin(self.plan, began_s=self.now_s, now_s=self.now_s)
        self._follow(effects)

    def _advance(self, event: Event) -> None:
        assert self.state is not None
        self.state, effects = advance(self.plan, self.state, event, self.now_s)
        self._follow(effects)

    def _follow(self, effects: Iterable[Effect]) -> None:
        assert self.state is not None
        self.world.now_s, self.world.results = self.now_s, self.state.results
        for effect in effects:
            match effect:
                case Call(pc=pc, call=call):
                    self._agenda.put(self.now_s, self._call(pc, call))
                case Evaluate(pc=pc, look=look, expressions=expressions):
                    values = tuple(evaluate_at_once(each, self.world) for each in expressions)
                    self._agenda.put(self.now_s, Evaluated(pc=pc, look=look, values=values))
                case Wake(pc=pc, look=look, at_s=at_s):
                    self._agenda.put(max(at_s, self.now_s), Woken(pc=pc, look=look))
                case Record():
                    self._note(effect)

    def _call(self, pc: int, call: Expression) -> Event:
        """Do what a call would tell of itself, and return what the drill says that it returns."""
        name, arguments, keywords = run_at_once(evaluate_arguments(call, self.world))
        wrong = self._check(name, call, [*arguments, *keywords.values()])
        if wrong:
            self.problems += [Problem(line=call.line, message=message) for message in wrong]
            return Broke(pc=pc, reason="; ".join(wrong))
        result = dict(self.returns.take(name))
        self._happen("called", name, call.text)
        if FAILS in result:
            return Broke(pc=pc, reason=str(result[FAILS]))
        if name == "incident.declare":
            self._declare(str(keywords.get("severity", arguments[0] if arguments else "")))
        elif name in MOVES:
            self.world.state = MOVES[name]
            self._happen(MOVES[name])
        elif name in TOLD:
            self._happen(TOLD[name], str(arguments[0]) if arguments else "")
        return Returned(pc=pc, value=result)

    def _declare(self, severity: str) -> None:
        self.world.severity = min(self.world.severity or severity, severity)
        self.world.state = self.world.state or "open"
        self._happen("declared", self.world.severity)

    def _check(self, name: str, call: Expression, values: Iterable[Value]) -> list[str]:
        """Find a call that a real run would refuse: an argument that is not known, or not one the action takes."""
        function = self.registry.get(name)
        wrong = [f"there is no action {name}"] if function is None else []
        if function is not None and isinstance(call.node, ast.Call):
            wrong += check_call(function, call.node)
        if any(value is UNKNOWN for value in values):
            wrong.append(f"`{call.text}` is called with something that is not known then: give it to the drill")
        return wrong

    def _note(self, record: Record) -> None:
        """Put a row of the timeline among what happened, and have people answer what they are asked."""
        if record.kind == "called":
            return  # it was when it was
        title = str(record.detail.get("title", ""))
        names = (str(record.detail["branch"]),) if record.kind == "branch" else (title, record.step)
        if record.kind in ("ramped", "ramp_bad"):
            names = (f"{record.detail['share']:g}%", *names)
        self._happen(record.kind, *names, by=record.by)
        if record.kind == "step_done":
            self.done.add(record.step)
        elif record.kind == "answered":
            self._hear(record)
        elif record.kind == "asked":
            self._answer(record)

    def _hear(self, record: Record) -> None:
        if record.detail.get("gate") == "acknowledge" and self.world.state == "open":
            self.world.state = "acknowledged"
            self._happen("acknowledged", by=record.by)
        elif record.detail.get("gate") in ("tick", "choose"):
            self.done.add(record.step)

    def _answer(self, asked: Record) -> None:
        options = asked.detail["options"]
        for answer in self.answers:
            if self.plan.find_key(answer.step) == asked.step and answer.answer in options:
                self.answers.remove(answer)
                event = Answered(step=asked.step, answer=answer.answer, by=answer.by)
                self._agenda.put(self.now_s + answer.after_s, event)
                return
        if asked.detail["gate"] == "tick":
            self._agenda.put(self.now_s + TICKED_AFTER_S, Answered(step=asked.step, answer="done", by=TICKER))

    def _happen(self, event: str, *names: str, by: str = "") -> None:
        known = tuple(each for each in names if each)
        self.timeline.append(Occurrence(at_s=self.now_s, event=event, names=known, by=by))
