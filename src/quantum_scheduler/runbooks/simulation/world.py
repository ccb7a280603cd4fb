"""What the expressions of a drill name: its metrics, what calls returned, the incident as the run has made it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from quantum_scheduler.expressions.evaluate import UNKNOWN, Value
from quantum_scheduler.runbooks.simulation.series import Returns, Series

CONTEXT = frozenset({"incident", "run", "runbook"})
INCIDENT_NAME = "incident-drill-001"


@dataclass(slots=True)
class World:
    """A scope at `now_s` of virtual time. `results` are what the run keeps under names."""

    runbook: str
    series: Series
    returns: Returns
    now_s: float = 0.0
    results: Mapping[str, Any] = field(default_factory=dict)
    severity: str = ""
    state: str = ""
    unknown: set[str] = field(default_factory=set)

    async def look_up(self, path: str) -> Value:
        """Find the value of a dotted name; UNKNOWN where the drill gives none."""
        first, *rest = path.split(".")
        if first in self.results:
            return self._note(path, _descend(self.results[first], rest))
        if first in CONTEXT:
            return self._note(path, self._context().get(path, UNKNOWN))
        return self._note(path, self.series.look_up(path, self.now_s))

    async def call(self, name: str, _arguments: Sequence[Value], _keywords: Mapping[str, Value]) -> Value:
        """Find what a call in an expression is worth: the series, or the result, of its name."""
        if name in self.series.names:
            return self._note(name, self.series.look_up(name, self.now_s))
        return self._note(name, self.returns.take(name) or UNKNOWN)

    def _note(self, name: str, value: Value) -> Value:
        """Remember what the drill did not give, for whoever wonders why a run goes no further."""
        if value is UNKNOWN:
            self.unknown.add(name)
        return value

    def _context(self) -> dict[str, Value]:
        """What every run knows."""
        known: dict[str, Value] = {"run.id": 1, "runbook.name": self.runbook}
        if self.state:
            known |= {
                "incident.id": 1,
                "incident.name": INCIDENT_NAME,
                "incident.title": self.runbook.replace("-", " "),
                "incident.severity": self.severity,
                "incident.state": self.state,
                "incident.summary": f"{self.severity} {self.runbook.replace('-', ' ')}",
            }
        return known


def _descend(value: Any, path: Sequence[str]) -> Value:
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            return UNKNOWN
        value = value[name]
    return UNKNOWN if value is None and path else value
