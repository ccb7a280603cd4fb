"""A run in virtual time: calls return at once, conditions are functions of the clock, people answer when they do."""

from collections.abc import Callable, Mapping
from typing import Any

from quantum_scheduler.expressions.evaluate import UNKNOWN
from quantum_scheduler.runbooks.advance import advance, begin
from quantum_scheduler.runbooks.agenda import Agenda
from quantum_scheduler.runbooks.event import (
    Broke,
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
from quantum_scheduler.runbooks.read import read_document
from quantum_scheduler.runbooks.state import read_state, write_state

HEAD = "---\nrunbook: test\nservice: s\nowner: o\nreview_by: 2099-01-01\non_call: quantum\n---\n# Test\n## Detection\n"
Truths = Mapping[str, Callable[[float], Any]]


def read_plan(text: str) -> Plan:
    document = read_document(HEAD + text)
    assert not document.findings, document.findings
    return Plan(document.runbooks[0])


class VirtualRun:
    """Runs the machine until nothing more happens; its state passes through JSON at every event."""

    def __init__(
        self,
        plan: Plan,
        truths: Truths | None = None,
        broken: Mapping[str, int] | None = None,
        *,
        pace: float = 1.0,
    ) -> None:
        self.plan, self.truths, self.broken = plan, truths or {}, dict(broken or {})
        self.now_s = 0.0
        self.calls: list[str] = []
        self.called_at: list[tuple[float, str]] = []
        self.records: list[tuple[float, Record]] = []
        self._agenda = Agenda()
        self.at = self._agenda.put
        self.state, effects = begin(plan, began_s=0.0, now_s=0.0, pace=pace)
        self._follow(effects)

    def run(self, until_s: float = 86_400.0) -> "VirtualRun":
        while (next_s := self._agenda.next_s) is not None and next_s <= until_s and not self.state.is_finished:
            self.now_s, event = self._agenda.take()
            state, effects = advance(self.plan, read_state(write_state(self.state)), event, self.now_s)
            assert advance(self.plan, state, event, self.now_s)[1] == () or not isinstance(event, Returned | Broke)
            self.state = state
            self._follow(effects)
        return self

    def kinds(self, step: str | None = None) -> list[str]:
        return [each.kind for _, each in self.records if step in {None, each.step}]

    def _look(self, text: str) -> Any:
        return self.truths[text](self.now_s) if text in self.truths else UNKNOWN

    def _follow(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            match effect:
                case Call(pc=pc, call=call):
                    self.calls.append(call.text)
                    self.called_at.append((self.now_s, call.text))
                    left = self.broken.get(call.text, 0)
                    self.broken[call.text] = left - 1
                    self.at(self.now_s, Broke(pc=pc, reason="broken") if left > 0 else Returned(pc=pc, value={"n": 1}))
                case Evaluate(pc=pc, look=look, expressions=expressions):
                    values = tuple(self._look(each.text) for each in expressions)
                    self.at(self.now_s, Evaluated(pc=pc, look=look, values=values))
                case Wake(pc=pc, look=look, at_s=at_s):
                    self.at(max(at_s, self.now_s), Woken(pc=pc, look=look))
                case Record():
                    self.records.append((self.now_s, effect))
