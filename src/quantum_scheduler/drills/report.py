"""Report a drill: what was measured, whether it kept what is promised, and what happened, as JSON and Markdown."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from quantum_scheduler.drills.model import Order, Seen, Tally

# So soon after it was detected, customers must not feel it any more.
MITIGATED_WITHIN_S = 30.0
SHARE_FULL = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Something that a drill must show, and whether it did."""

    name: str
    passed: bool
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A drill that is over."""

    order: Order
    seen: Seen
    tally: Tally
    began_at: datetime
    ended_at: datetime

    @property
    def passed(self) -> bool:
        """Whether everything was as it must be."""
        return all(each.passed for each in judge(self))


def measure(report: Report) -> dict[str, float | None]:
    """Measure the seconds from the fault to each part of the response, and from detection to mitigation."""
    seen = report.seen
    return {
        "detect_s": _seconds(seen.fault_at, seen.detected_at),
        "declare_s": _seconds(seen.fault_at, seen.declared_at),
        "acknowledge_s": _seconds(seen.fault_at, seen.acknowledged_at),
        "mitigate_s": _seconds(seen.fault_at, seen.mitigated_at),
        "lift_s": _seconds(seen.fault_at, seen.lifted_at),
        "resolve_s": _seconds(seen.fault_at, seen.resolved_at),
        "detected_to_mitigated_s": _seconds(seen.detected_at, seen.mitigated_at),
    }


def judge(report: Report) -> tuple[Check, ...]:
    """Hold a drill against what is promised."""
    seen, tally = report.seen, report.tally
    mitigated_s = measure(report)["detected_to_mitigated_s"]
    ramp = () if not seen.has_ramp else (_check_ramp(seen),)
    logins = () if not tally.entered + tally.turned_away else (_check_logins(tally),)
    return (
        Check(name="detected", passed=seen.detected_at is not None, found=seen.incident or "nothing was detected"),
        Check(
            name=f"mitigated within {MITIGATED_WITHIN_S:g} s of detection",
            passed=mitigated_s is not None and mitigated_s <= MITIGATED_WITHIN_S,
            found=_write_seconds(mitigated_s),
        ),
        Check(
            name="no job lost",
            passed=not tally.lost and tally.acknowledged > 0,
            found=f"{tally.answered} of {tally.acknowledged} acknowledged jobs have a verified answer",
        ),
        *logins,
        *ramp,
        Check(name="run succeeded", passed=seen.run_status == "succeeded", found=seen.run_status or "no run"),
        Check(
            name="incident resolved",
            passed=seen.resolved_at is not None,
            found=_write_seconds(measure(report)["resolve_s"]),
        ),
        Check(
            name="post-mortem drafted", passed=seen.is_reviewed, found="drafted" if seen.is_reviewed else "not drafted"
        ),
    )


def outline(report: Report) -> dict[str, Any]:
    """Say what must be the same of two drills in a row."""
    seen = report.seen
    return {
        "checks": {each.name: each.passed for each in judge(report)},
        "branches": list(seen.branches),
        "shares": list(seen.shares),
        "run": seen.run_status,
        "lost": len(report.tally.lost),
    }


def write_document(report: Report) -> dict[str, Any]:
    """Write a report as JSON."""
    order, seen = report.order, report.seen
    return {
        "drill": order.scenario.name,
        "runbook": order.scenario.runbook,
        "fault": {"place": order.scenario.place, "target": order.scenario.target, "kind": order.fault},
        "hold_factor": order.hold_factor,
        "jobs_per_s": order.jobs_per_s,
        "by": order.by,
        "began_at": report.began_at.isoformat(),
        "ended_at": report.ended_at.isoformat(),
        "passed": report.passed,
        "outcome": outline(report),
        "seconds": measure(report),
        "checks": [asdict(each) for each in judge(report)],
        "jobs": {**asdict(report.tally), "lost": list(report.tally.lost)},
        "incident": seen.incident,
        "run": seen.run,
        "timeline": [{"at": each.at.isoformat(), "kind": each.kind, "text": each.text} for each in seen.story],
    }


def write_markdown(report: Report) -> str:
    """Write a report for people."""
    order, seen, tally = report.order, report.seen, report.tally
    checks = "\n".join(
        f"| {each.name} | {'yes' if each.passed else '**no**'} | {_cell(each.found)} |" for each in judge(report)
    )
    times = "\n".join(f"| {name} | {_write_seconds(seconds)} |" for name, seconds in measure(report).items())
    story = "\n".join(f"| {_offset(seen, each.at)} | {each.kind} | {_cell(each.text)} |" for each in seen.story)
    return f"""\
# Drill {order.scenario.name}: {"passed" if report.passed else "failed"}

{order.scenario.target} had the fault `{order.fault}` from {report.began_at:%Y-%m-%d %H:%M:%S} UTC on, with
{order.jobs_per_s:g} jobs a second. Incident: {seen.incident or "none"}; run: {seen.run or "none"}. Holds and answers
took {order.hold_factor:g} times what they take in earnest.

| What must be | Was it | Found |
|---|---|---|
{checks}

| Time | Seconds |
|---|---|
{times}

Jobs: {tally.sent} sent, {tally.refused} refused, {tally.acknowledged} acknowledged, {tally.answered} answered and
verified, {len(tally.lost)} lost.

| After | What | Detail |
|---|---|---|
{story}
"""


def _check_ramp(seen: Seen) -> Check:
    given = ", ".join(f"{share:g} %" for share in seen.shares) or "nothing"
    return Check(name="traffic given back", passed=bool(seen.shares) and seen.shares[-1] == SHARE_FULL, found=given)


def _check_logins(tally: Tally) -> Check:
    found = f"{tally.entered} of {tally.entered + tally.turned_away} right logins"
    return Check(name="whoever is right gets in", passed=not tally.turned_away, found=found)


def _offset(seen: Seen, at: datetime) -> str:
    return _write_seconds(_seconds(seen.fault_at, at))


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else round((end - start).total_seconds(), 1)


def _write_seconds(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.1f} s"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
