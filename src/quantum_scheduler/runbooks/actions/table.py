"""The one table of actions. To add one, write it in a file of this folder and list it in that file's `ACTIONS`."""

from collections.abc import Iterable, Mapping

from quantum_scheduler.expressions.registry import Function, Registry
from quantum_scheduler.runbooks.actions import access, incident, investigate, queue, routing
from quantum_scheduler.runbooks.actions.row import Action

ACTIONS: Mapping[str, Action] = {
    each.name: each for room in (incident, routing, queue, access, investigate) for each in room.ACTIONS
}
# What every run knows besides what is measured.
CONTEXT = (
    "incident.id",
    "incident.name",
    "incident.title",
    "incident.severity",
    "incident.state",
    "incident.summary",
    "run.id",
    "runbook.name",
)


class ActionUnknown(LookupError):  # noqa: N818  an error is named for what happened
    """There is no such action."""


def find_action(name: str) -> Action:
    """Find an action by its name. Raises ActionUnknown."""
    action = ACTIONS.get(name)
    if action is None:
        raise ActionUnknown(f"there is no action {name}; `quantum-scheduler action list` names them all")
    return action


def build_registry(metrics: Iterable[Function]) -> Registry:
    """Put the actions beside what is measured: all that a runbook may name."""
    return Registry([*(each.function for each in ACTIONS.values()), *metrics], context=CONTEXT)
