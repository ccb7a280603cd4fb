"""A runbook as its machine walks it: every step by its id, and the calls that the machine makes up by itself."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from quantum_scheduler.expressions.parse import Expression, dotted, parse_expression
from quantum_scheduler.runbooks.model import Branch, Phase, RampRow, Runbook, Step

RAMP = "ramp"


@dataclass(frozen=True)
class Plan:
    """What a run goes by, from its first step to its last."""

    runbook: Runbook

    @cached_property
    def steps(self) -> Mapping[str, Step]:
        """Every step by its id."""
        return {step.id: step for step in self.runbook.steps()}

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases, in order."""
        return self.runbook.phases

    def list_steps(self, phase: int, branch: int | None) -> tuple[Step, ...]:
        """The steps of a phase, or of one of its branches."""
        of = self.phases[phase]
        return of.steps if branch is None else of.branches[branch].steps

    def list_branches(self, phase: int) -> tuple[Branch, ...]:
        """The branches of a phase."""
        return self.phases[phase].branches

    def find_choice(self, phase: int) -> int | None:
        """Which phase's branches a choice made in this one is about: its own, or the next that has some."""
        return next((at for at in range(phase, len(self.phases)) if self.phases[at].branches), None)

    def title(self, key: str) -> str:
        """How people know a step, or a phase by its number."""
        if key in self.steps:
            return self.steps[key].title
        return self.phases[int(key) - 1].title if key.isdecimal() and 0 < int(key) <= len(self.phases) else key

    def find_key(self, named: str) -> str | None:
        """Find what people mean by an id or a title of a step, or a phase's number or title; None where nothing."""
        if named in self.steps:
            return named
        folded = named.strip().rstrip(".").casefold()
        for step in self.steps.values():
            if step.title.rstrip(".").casefold() == folded:
                return step.id
        for number, phase in enumerate(self.phases, start=1):
            if named == str(number) or phase.title.casefold() == folded:
                return str(number)
        return None


def is_ramp(step: Step, index: int) -> bool:
    """Say whether a `do` of a step is the ramp over its table."""
    node = step.do[index].call.node
    return bool(step.ramp) and isinstance(node, ast.Call) and dotted(node.func) == RAMP


def write_ramp_call(step: Step, index: int, row: RampRow) -> Expression:
    """Write the call that gives a backend the share of a row."""
    do = step.do[index]
    return parse_expression(f"ramp({_backend(do.call)}, {max(1, round(row.share))})", do.line)


def write_trip_call(step: Step, index: int) -> Expression:
    """Write the call that takes all traffic from a backend again."""
    do = step.do[index]
    return parse_expression(
        f"breaker.open({_backend(do.call)}, reason='it was not well at two looks in a row')", do.line
    )


def write_escalation(runbook: Runbook) -> Expression:
    """Write the call for more people, by the policy of the runbook."""
    return parse_expression(f"escalate({runbook.on_call or 'default'!r})", runbook.line)


def _backend(call: Expression) -> str:
    """The argument of a ramp that names the backend, as it is written."""
    assert isinstance(call.node, ast.Call)
    given = [*call.node.args, *(each.value for each in call.node.keywords if each.arg == "backend")]
    return ast.unparse(given[0]) if given else "None"
