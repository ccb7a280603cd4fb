"""Say what is wrong with a runbook, line by line, and how to mend it."""

import ast
import difflib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date

from quantum_scheduler.expressions.parse import Expression, dotted, find_calls, find_paths
from quantum_scheduler.expressions.registry import Registry, check_call
from quantum_scheduler.runbooks.front_matter import REQUIRED
from quantum_scheduler.runbooks.lint_signal import lint_signals
from quantum_scheduler.runbooks.model import Ask, Branch, Document, Finding, Phase, Runbook, Step

# Every code, with what it means; `docs/reference/runbook-lint.md` is written from it.
CODES = {
    "RB000": "it is no runbook, or larger or deeper than one may be",
    "RB001": "a machine line or a table row cannot be read",
    "RB002": "the front matter lacks a field, or has one that is not known",
    "RB003": "a drill cannot be read",
    "RB010": "a step is manual (info)",
    "RB011": "an action is not known",
    "RB012": "an argument of a call is wrong",
    "RB013": "a metric or a name is not known",
    "RB014": "an expression is not one",
    "RB020": "a step changes something and does not say how to take it back",
    "RB021": "a dangerous action is not asked for",
    "RB030": "a branch has no `when`, so people choose (info)",
    "RB031": "branches have no `Otherwise`",
    "RB032": "time windows are not contiguous",
    "RB040": "a signal has no `For`",
    "RB041": "a signal has no `Clears when`, or not for how long",
    "RB042": "the threshold to clear touches the one to raise",
    "RB050": "a gate does not say within which time, or what else happens",
    "RB060": "a status is set and never resolved",
    "RB070": "a text looks like a secret",
    "RB071": "the date of the next review has passed",
    "RB080": "no drill reaches a branch",
    "RB081": "nobody with a role is on call",
    "RB090": "a ramp does not rise, or does not end at 100 %",
    "RB100": "a runbook has no alert that starts it",
}
INFOS = frozenset({"RB010", "RB030"})
_SECRET = re.compile(
    r"(AKIA[0-9A-Z]{16}|qsk_live_\w{8,}|xox[abpr]-[\w-]{10,}|gh[pousr]_\w{20,}|sk_live_\w{8,}|DEV-[0-9a-f]{32,}"
    r"|eyJ[\w-]{10,}\.[\w-]{10,}|-----BEGIN [A-Z ]*PRIVATE KEY|(?=\w*[a-z])(?=\w*[A-Z])(?=\w*\d)\w{32,})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LintContext:
    """What a runbook is held against: what may be called, who is on call, the date, which branches drills reach.

    None stands for what is not known here, and is then not looked at.
    """

    registry: Registry
    today: date
    roles: Collection[str] | None = None
    reached: Collection[tuple[str, str]] | None = None  # runbook and branch titles that drills go through


def lint_document(document: Document, context: LintContext) -> list[Finding]:
    """List everything there is to say of a file's runbooks, by line."""
    findings = [*document.findings]
    for runbook in document.runbooks:
        findings += _Linter(runbook, context).lint()
    return sorted(findings, key=lambda each: (each.line, each.code))


@dataclass(slots=True)
class _Linter:
    """Goes through one runbook in the order it runs, and remembers which names results were kept under."""

    runbook: Runbook
    context: LintContext
    names: dict[str, frozenset[str] | None] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)

    def lint(self) -> Iterator[Finding]:
        is_for_people = all(step.is_manual for step in self.runbook.steps()) and not self.runbook.has_front_matter
        if not is_for_people:
            yield from self._lint_head()
            yield from self._lint_windows()
        for signal in lint_signals(self.runbook):
            yield _finding(*signal)
        for row in self.runbook.signals:
            for expression in (row.when, row.clears_when):
                yield from self._lint_expression(expression)
        for phase in self.runbook.phases:
            yield from self._lint_phase(phase, is_for_people=is_for_people)
        for component, line in self.statuses.items():
            message = f"the status of {component} is set here; set it to operational in the recovery"
            yield _finding("RB060", line, message)

    def _lint_head(self) -> Iterator[Finding]:
        runbook = self.runbook
        given = (runbook.name, runbook.service, runbook.owner, runbook.review_by, runbook.on_call)
        for name, value in zip(REQUIRED, given, strict=True):
            if value is None or not runbook.has_front_matter:
                yield _finding("RB002", 1, f"the front matter has no {name}")
        if runbook.review_by is not None and runbook.review_by < self.context.today:
            yield _finding("RB071", 1, f"it was to be reviewed by {runbook.review_by}: review it and set a new date")
        yield from self._lint_roles([runbook.on_call] if runbook.on_call else [], 1)
        if not runbook.signals:
            yield _finding("RB100", runbook.line, "no signal starts it: add a table to its Detection")

    def _lint_windows(self) -> Iterator[Finding]:
        ended_s: float | None = 0.0
        for phase in self.runbook.phases:
            if phase.starts_s is None or phase.ends_s is None:
                continue
            if phase.starts_s >= phase.ends_s:
                yield _finding("RB032", phase.line, f"{phase.title} ends before it starts")
            elif ended_s is not None and phase.starts_s != ended_s:
                before = f"the window before ends at {ended_s / 60:g}"
                yield _finding(
                    "RB032", phase.line, f"{phase.title} starts at {phase.starts_s / 60:g} minutes; {before}"
                )
            ended_s = phase.ends_s

    def _lint_phase(self, phase: Phase, *, is_for_people: bool) -> Iterator[Finding]:
        for step in phase.steps:
            yield from self._lint_step(step)
        for branch in phase.branches:
            yield from self._lint_branch(branch)
        if phase.branches and not is_for_people and not any(branch.is_otherwise for branch in phase.branches):
            yield _finding("RB031", phase.branches[-1].line, "add `### Otherwise`: what is done when no branch fits?")

    def _lint_branch(self, branch: Branch) -> Iterator[Finding]:
        if branch.when is None and not branch.is_otherwise:
            yield _finding("RB030", branch.line, f"{branch.title!r} has no `when`: people will be asked to choose")
        yield from self._lint_expression(branch.when)
        for step in branch.steps:
            yield from self._lint_step(step)
        reached = self.context.reached
        if reached is not None and (self.runbook.name, branch.title) not in reached:
            yield _finding("RB080", branch.line, f"no drill goes through {branch.title!r}: add one that does")

    def _lint_step(self, step: Step) -> Iterator[Finding]:
        if step.is_manual:
            yield _finding("RB010", step.line, f"{step.title!r} is manual: a person ticks it off")
        for expression in (step.when, step.wait.expression if step.wait else None):
            yield from self._lint_expression(expression)
        effects = set()
        for do in step.do:
            yield from self._lint_call(do.call)
            function = self.context.registry.get(_callee(do.call))
            if function is not None:
                effects.add(function.effect)
                if function.needs_undo and not step.undo:
                    message = f"{function.name} changes what lasts: add `- undo:` with the call that takes it back"
                    yield _finding("RB020", do.line, message)
            if do.name is not None:
                self.names[do.name] = None if function is None else function.returns
            self._note_status(do.call)
        for check in step.check:
            yield from self._lint_expression(check.expression)
        for undo in step.undo:
            yield from self._lint_call(undo.call)
        if "dangerous" in effects and (step.ask is None or step.ask.kind not in ("approve", "confirm")):
            yield _finding("RB021", step.line, "it is dangerous: add `- ask: approve, by ROLE, within 15m, else ...`")
        if step.ask is not None:
            yield from self._lint_ask(step.ask)
        yield from self._lint_ramp(step)

    def _lint_ask(self, ask: Ask) -> Iterator[Finding]:
        if ask.within_s is None or ask.otherwise is None:
            message = "say how long it waits, and what else: `within 15m, else `escalate(...)``"
            yield _finding("RB050", ask.line, message)
        if ask.otherwise is not None:
            yield from self._lint_call(ask.otherwise)
        yield from self._lint_roles(ask.roles, ask.line)

    def _lint_roles(self, roles: Collection[str], line: int) -> Iterator[Finding]:
        known = self.context.roles
        for role in roles:
            if known is not None and role not in known:
                there = ", ".join(sorted(known)) or "none"
                yield _finding("RB081", line, f"nobody is on call as {role}; these roles are staffed: {there}")

    def _lint_ramp(self, step: Step) -> Iterator[Finding]:
        shares = [row.share for row in step.ramp]
        if shares and (shares != sorted(set(shares)) or shares[-1] != 100):
            yield _finding("RB090", step.ramp[0].line, "the shares of a ramp must rise from row to row and end at 100%")
        for row in step.ramp:
            yield from self._lint_expression(row.go_on)

    def _lint_call(self, call: Expression) -> Iterator[Finding]:
        """Hold a call that is made for its effect against the registered actions."""
        name = _callee(call)
        if name not in self.context.registry:
            yield _finding("RB011", call.line, f"there is no action {name}{_suggest(name, self.context.registry)}")
        yield from self._lint_expression(call, outermost_may_act=True)

    def _lint_expression(self, expression: Expression | None, *, outermost_may_act: bool = False) -> Iterator[Finding]:
        if expression is None:
            return
        for name, node in find_calls(expression):
            function = self.context.registry.get(name)
            if function is None:
                if not (outermost_may_act and node is expression.node):
                    message = f"there is no metric or action {name}{_suggest(name, self.context.registry)}"
                    yield _finding("RB013", expression.line, message)
                continue
            if function.effect != "read" and not (outermost_may_act and node is expression.node):
                message = f"{name} changes something: call it in a `do`, not in an expression"
                yield _finding("RB014", expression.line, message)
            for message in check_call(function, node):
                yield _finding("RB012", expression.line, message)
        for path in find_paths(expression):
            yield from self._lint_path(path, expression)
        for constant in _constants(expression.node):
            if isinstance(constant, str) and _SECRET.search(constant):
                yield _finding("RB070", expression.line, "this looks like a secret: keep it in the secrets store")

    def _lint_path(self, path: str, expression: Expression) -> Iterator[Finding]:
        registry = self.context.registry
        first, *parts = path.split(".")
        if first in self.names:
            known = self.names[first]
            if parts and known is not None and parts[0] not in known:
                message = f"{first} has no part {parts[0]}; it has {', '.join(sorted(known))}"
                yield _finding("RB013", expression.line, message)
            return
        if path in registry or path in registry.context:
            return
        message = f"there is no metric {path}, and no result is kept under {path.split('.', maxsplit=1)[0]!r} before"
        yield _finding("RB013", expression.line, message + _suggest(path, registry))

    def _note_status(self, call: Expression) -> None:
        """Remember a status that is set, and forget it once it is operational again."""
        node = call.node
        if not isinstance(node, ast.Call) or _callee(call) != "status.set":
            return
        texts = [value for each in [*node.args, *node.keywords] for value in _constants(each)]
        if texts and texts[-1] == "operational":
            self.statuses.pop(str(texts[0]), None)
        elif texts:
            self.statuses.setdefault(str(texts[0]), call.line)


def _callee(call: Expression) -> str:
    assert isinstance(call.node, ast.Call)
    return dotted(call.node.func) or ""


def _constants(node: ast.AST) -> Iterator[object]:
    for each in ast.walk(node):
        if isinstance(each, ast.Constant):
            yield each.value


def _suggest(name: str, registry: Registry) -> str:
    """Suggest what may have been meant."""
    close = difflib.get_close_matches(name, registry, n=1, cutoff=0.7)
    return f": did you mean {close[0]}?" if close else ""


def _finding(code: str, line: int, message: str) -> Finding:
    return Finding(code=code, level="info" if code in INFOS else "error", line=line, message=message)
