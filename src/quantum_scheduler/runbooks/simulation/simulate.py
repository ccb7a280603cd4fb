"""Run a runbook's drills in virtual time: the machine of real runs, on made-up metrics, results and answers."""

from quantum_scheduler.expressions.registry import Registry
from quantum_scheduler.runbooks.model import Drill, Runbook
from quantum_scheduler.runbooks.plan import Plan
from quantum_scheduler.runbooks.simulation.judge import judge
from quantum_scheduler.runbooks.simulation.model import DrillReport, Problem, SimulationReport
from quantum_scheduler.runbooks.simulation.rehearsal import Rehearsal


def simulate(runbook: Runbook, registry: Registry) -> SimulationReport:
    """Run every drill of a runbook, and say which branches and steps none of them goes through."""
    plan = Plan(runbook)
    drills = tuple(simulate_drill(plan, drill, registry) for drill in runbook.drills)
    reached = {title for drill in drills for title in drill.branches}
    done = {step for drill in drills for step in drill.steps}
    return SimulationReport(
        runbook=runbook.name,
        drills=drills,
        branches=sum(1 for _ in runbook.branches()),
        unreached=tuple(
            Problem(line=branch.line, message=f"no drill goes through {branch.title!r}")
            for branch in runbook.branches()
            if branch.title not in reached
        ),
        steps=len(plan.steps),
        undone=tuple(step.title for step in plan.steps.values() if step.id not in done),
    )


def simulate_drill(plan: Plan, drill: Drill, registry: Registry) -> DrillReport:
    """Run one drill from its first sample until its run has ended, or nothing goes on."""
    rehearsal = Rehearsal(plan, drill, registry)
    rehearsal.run()
    timeline = tuple(rehearsal.timeline)
    return DrillReport(
        runbook=plan.runbook.name,
        name=drill.name,
        line=drill.line,
        outcome=rehearsal.outcome,
        trouble_s=rehearsal.trouble_s,
        seconds=rehearsal.now_s,
        branches=tuple(each.names[0] for each in timeline if each.event == "branch"),
        steps=tuple(rehearsal.done),
        problems=tuple(judge(plan, drill, registry, rehearsal)),
        timeline=timeline,
    )
