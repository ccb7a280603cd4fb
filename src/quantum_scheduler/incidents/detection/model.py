"""The nouns of detection: signals that are watched, and how they stand."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from quantum_scheduler.expressions.parse import find_calls, find_paths
from quantum_scheduler.monitoring.detect import Rule, Signal

# What such metrics speak of is every backend at once.
OF_ALL_BACKENDS = ("backends.", "quantum.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A signal of a runbook, and what an incident that it raises is about.

    Signals of one runbook and `key` raise one incident, which escalates by `policy`. `service` is the part
    of the service that it is about, such as `quantum/dynex`.
    """

    rule: Rule
    heading: str
    key: str = ""
    policy: str | None = None
    service: str = ""

    @property
    def definition(self) -> str:
        """What it asks for; a signal that asks for something else is another one."""
        rule = self.rule
        return f"{rule.when.text} | {rule.hold} | {rule.clears_when.text} | {rule.clears_hold}"

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that its condition names, called or not."""
        called = (name for name, _ in find_calls(self.rule.when))
        return tuple(dict.fromkeys((*find_paths(self.rule.when), *called)))

    @property
    def is_of_all_backends(self) -> bool:
        """Whether its condition speaks of all backends together."""
        return any(name.startswith(OF_ALL_BACKENDS) for name in self.metrics)

    def find_backends(self, backends: Mapping[str, str]) -> frozenset[str]:
        """Name the backends that its condition speaks of; `backends` says which metric belongs to which."""
        return frozenset(backends[name] for name in self.metrics if name in backends)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a signal stands: what was seen of it, the incident that it has raised, and why it has not raised one."""

    signal: Signal = field(default_factory=Signal)
    definition: str = ""
    incident_id: int | None = None
    held_back: str | None = None
    is_flapping: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSignal:
    """A signal as people look at it."""

    runbook: str
    title: str
    severity: str
    is_raised: bool
    is_flapping: bool
    held_back: str | None
    incident_id: int | None
    state: Mapping[str, Any]
    definition: str
    at: datetime
