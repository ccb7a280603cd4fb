"""Hold what happened in a drill against what it was to show."""

from collections.abc import Iterator

from quantum_scheduler.expressions.duration import write_duration
from quantum_scheduler.expressions.parse import find_calls, find_paths
from quantum_scheduler.expressions.registry import Registry
from quantum_scheduler.runbooks.model import Drill, Expectation, list_expressions
from quantum_scheduler.runbooks.plan import Plan
from quantum_scheduler.runbooks.simulation.model import Occurrence, Problem
from quantum_scheduler.runbooks.simulation.rehearsal import FAILS, Rehearsal

# Every event that a drill may expect, with what may stand behind it.
EVENTS = {
    "raised": "a signal was raised: its title",
    "cleared": "a signal was cleared: its title",
    "declared": "the incident was declared: its severity",
    "acknowledged": "somebody acknowledged it",
    "mitigated": "the run said that customers do not feel it any more",
    "resolved": "the run ended the incident",
    "paged": "somebody was paged: whom",
    "escalated": "others were called: whom",
    "called": "an action was called: its name, or the whole call",
    "branch": "a branch was taken: its title",
    "phase_started": "a phase: its title",
    "phase_overdue": "a phase: its title",
    "phase_done": "a phase: its title",
    "step_started": "a step: its title",
    "step_done": "a step: its title",
    "step_skipped": "a step: its title",
    "step_rejected": "a step: its title",
    "step_retried": "a step: its title",
    "step_failed": "a step: its title",
    "asked": "a step: its title",
    "answered": "a step: its title",
    "unanswered": "a step: its title",
    "waiting": "the drill ended while the run waited for people: the title of the step",
    "ramped": "a share was given: 10%, or the title of the step",
    "ramp_bad": "a ramp was not well at a look: 10%, or the title of the step",
    "ramp_tripped": "a ramp took everything again: the title of the step",
    "undone": "a step was taken back: its title",
    "undo_failed": "a step: its title",
    "run_started": "the run",
    "run_aborting": "the run",
    "run_aborted": "the run",
    "run_succeeded": "the run",
}


def judge(plan: Plan, drill: Drill, registry: Registry, seen: Rehearsal) -> Iterator[Problem]:
    """Say what was not as it should be, each at the line of the drill."""
    yield from dict.fromkeys(seen.problems)
    for message in (
        *_judge_expected(drill, seen),
        *_judge_never(drill, seen),
        *_judge_end(drill, seen),
        *_judge_unused(plan, registry, drill, seen),
    ):
        yield Problem(line=drill.line, message=message)


def _judge_expected(drill: Drill, seen: Rehearsal) -> Iterator[str]:
    for expected in drill.expect:
        if expected.event not in EVENTS:
            yield f"there is no event {expected.event!r}; a drill may expect {', '.join(EVENTS)}"
            continue
        first = next((each for each in seen.timeline if _is(each, expected)), None)
        if first is None:
            happened = dict.fromkeys(
                name for each in seen.timeline if each.event == expected.event for name in each.names
            )
            instead = f"; there was {', '.join(happened)}" if happened else ""
            yield f"expected `{_spell(expected)}`, and it did not happen{instead}"
        elif expected.within_s is not None and first.at_s - seen.trouble_s > expected.within_s:
            took = write_duration(first.at_s - seen.trouble_s)
            yield f"expected `{_spell(expected)}` within {write_duration(expected.within_s)}, and it took {took}"


def _judge_never(drill: Drill, seen: Rehearsal) -> Iterator[str]:
    for unwanted in drill.never:
        if unwanted.event not in EVENTS:
            yield f"there is no event {unwanted.event!r}; it may never be one of {', '.join(EVENTS)}"
        for each in seen.timeline:
            if _is(each, unwanted):
                yield f"`{_spell(unwanted)}` must never happen, and did after {write_duration(each.at_s)}"
                break


def _judge_end(drill: Drill, seen: Rehearsal) -> Iterator[str]:
    """A run ends, unless the drill says that it does not: it is `never` declared, or found `waiting`."""
    expected = {each.event for each in drill.expect}
    never = {each.event for each in drill.never}
    if seen.outcome == "not_started" and not never & {"declared", "raised", "run_started"}:
        yield "no signal was raised, so that nothing ran; where that is meant, say `never: [raised]`"
    elif seen.outcome == "waiting" and "waiting" not in expected:
        waits = [each.names[0] for each in seen.timeline if each.event == "waiting"]
        at = f"it waits for people at {', '.join(waits)}" if waits else "it waits for what does not come"
        yield f"the run did not end: {at}; give the drill an answer, or let it expect `waiting`"
        if seen.world.unknown:
            yield f"the drill does not say what these are: {', '.join(sorted(seen.world.unknown))}"


def _judge_unused(plan: Plan, registry: Registry, drill: Drill, seen: Rehearsal) -> Iterator[str]:
    """What a drill gives and nobody asks for is a slip of the pen."""
    for name in sorted(seen.series.names - _names(plan)):
        yield f"nothing in the runbook asks for {name}"
    for name in sorted(seen.returns.unused):
        yield f"{name} was never called"
    for answer in seen.answers:
        if plan.find_key(answer.step) is None:
            yield f"there is no step {answer.step!r} to answer"
        else:
            yield f"nobody asked {answer.step!r} so that {answer.answer!r} is an answer"
    for name, results in drill.returns.items():
        function = registry.get(name)
        if function is not None and function.returns is not None:
            for part in sorted({part for result in results for part in result} - function.returns - {FAILS}):
                yield f"{name} returns no {part}; it returns {', '.join(sorted(function.returns))}"


def _is(occurrence: Occurrence, wanted: Expectation) -> bool:
    if occurrence.event != wanted.event:
        return False
    detail = _fold(wanted.detail)
    return not detail or any(_fold(name) == detail for name in occurrence.names)


def _fold(text: str) -> str:
    return " ".join(text.split()).rstrip(".").casefold()


def _spell(expectation: Expectation) -> str:
    return f"{expectation.event} {expectation.detail}".strip()


def _names(plan: Plan) -> set[str]:
    """Every metric and action that the expressions of a runbook name."""
    return {
        name
        for expression in list_expressions(plan.runbook)
        for name in (*find_paths(expression), *(called for called, _ in find_calls(expression)))
    }
