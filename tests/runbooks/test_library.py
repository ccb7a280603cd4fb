"""The library: every runbook is clean, every branch is tried, and no step of the playbooks for people is missing."""

import re
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from quantum_scheduler.expressions.parse import find_paths, parse_call
from quantum_scheduler.monitoring.table import describe_metrics
from quantum_scheduler.notifications.oncall.find import ON_CALL
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.runbooks.actions.table import ACTIONS, build_registry
from quantum_scheduler.runbooks.format import format_document
from quantum_scheduler.runbooks.lint import LintContext, lint_document
from quantum_scheduler.runbooks.read import measure_coverage, read_document
from quantum_scheduler.runbooks.shelf import LIBRARY, read_shelf
from quantum_scheduler.runbooks.simulation.simulate import simulate

DATA = Path(__file__).parents[1] / "data"
SHELF = read_shelf()
NAMES = sorted(SHELF.books)
REGISTRY = build_registry(describe_metrics())
# What the playbook for people raises an alert at, by runbook.
THRESHOLDS: Mapping[str, tuple[str, ...]] = {
    "dynex-outage": ('dynex.health_status == "down"', "quantum.fallback_rate > 0.5"),
    "quota-exhaustion": ("api.quota_usage > 0.9", "api.rate_limit_exceeded > 0"),
    "delayed-jobs": ("qih.queue_depth > 100", "qih.avg_processing_time > 300"),
    "rate-limit-exceeded": ("api.rate_limit_exceeded > 0.1", "api.error_rate > 0.05"),
    "authentication-failures": ("auth.failure_rate > 0.1", "auth.locked_accounts > 0"),
    "quantum-job-failures": ("quantum.failure_rate > 0.2", "quantum.success_rate < 0.8"),
}
# The installation's own, whose answers are asked for within so much.
SEVERITIES: Mapping[str, set[str]] = {
    "all-backends-down": {"P0"},
    "api-unavailable": {"P0"},
    "dynex-outage": {"P0", "P1"},
    "high-error-rate": {"P1"},
    "delayed-jobs": {"P2"},
}
# The whole library is simulated in less than 2 s; a slow machine with other work may take a few times as long.
SIMULATION_S_MAX = 10.0


def read_coverage() -> list[tuple[str, str, dict[str, str]]]:
    sections: list[tuple[str, str, dict[str, str]]] = []
    for line in (DATA / "playbook-coverage.txt").read_text().splitlines():
        if line.startswith("["):
            theirs, ours = line.strip("[]").split(": ")
            sections.append((theirs, ours, {}))
        elif " -> " in line:
            one, other = line.split(" -> ")
            sections[-1][2][one] = other
    return sections


COVERAGE = read_coverage()


def test_the_library_stands_on_the_shelf() -> None:
    assert len(NAMES) == 15
    assert SHELF.unreadable == {}
    assert [path.stem for path in sorted(LIBRARY.glob("*.md"))] == NAMES


@pytest.mark.parametrize("name", NAMES)
async def test_a_runbook_is_clean_and_every_branch_is_reached(pool: Pool, name: str) -> None:
    async with pool.acquire() as conn:
        rows = await conn.fetch("SELECT name FROM oncall_role UNION SELECT DISTINCT policy FROM oncall_level")
    roles = {ON_CALL, *(row["name"] for row in rows)}
    book = SHELF.find(name)
    report = simulate(book.runbook, REGISTRY)
    assert [(drill.name, problem) for drill in report.drills for problem in drill.problems] == []
    assert (report.unreached, report.undone) == ((), ())
    context = LintContext(registry=REGISTRY, today=date(2026, 11, 22), roles=roles, reached=report.reached)
    assert lint_document(read_document(book.text), context) == []
    assert format_document(book.text) == book.text


def test_people_do_by_hand_what_no_system_can() -> None:
    runbooks = [book.runbook for book in SHELF.books.values()]
    assert measure_coverage(runbooks).share >= 0.7
    assert all(measure_coverage([each]).automated > len(list(each.steps())) / 2 for each in runbooks)


def test_the_whole_library_is_simulated_in_no_time() -> None:
    began_s = time.process_time()
    reports = [simulate(book.runbook, REGISTRY) for book in SHELF.books.values()]
    assert time.process_time() - began_s < SIMULATION_S_MAX
    assert sum(len(report.drills) for report in reports) >= 80


@pytest.mark.parametrize("name", NAMES)
def test_customers_are_said_to_be_served_as_soon_as_they_are(name: str) -> None:
    """At once where a step of the first phase sees to it; where none can, by one that looks again and again."""
    response = SHELF.find(name).runbook.phases[0]
    (step,) = [each for each in response.steps if any(do.call.text == "incident.mitigate()" for do in each.do)]
    assert (step.when is None and step.every_s is None) or (step.when is not None and step.every_s == 10.0)


@pytest.mark.parametrize("name", NAMES)
def test_a_runbook_names_its_dashboard_its_lock_and_whom_it_pages(name: str) -> None:
    runbook = SHELF.find(name).runbook
    assert runbook.dashboard is not None
    assert runbook.dashboard.startswith("/d/quantum-scheduler")
    assert runbook.lock
    assert runbook.on_call
    first, last = next(iter(runbook.steps())), list(runbook.steps())[-1]
    assert first.do[0].call.text.startswith("incident.declare(")
    assert last.do[-1].call.text.startswith("incident.resolve(")


@pytest.mark.parametrize("name", THRESHOLDS)
def test_detection_has_the_thresholds_of_the_playbook(name: str) -> None:
    conditions = [signal.when.text for signal in SHELF.find(name).runbook.signals]
    for threshold in THRESHOLDS[name]:
        assert any(threshold in condition for condition in conditions)


@pytest.mark.parametrize("name", SEVERITIES)
def test_severities_are_those_of_the_classification(name: str) -> None:
    assert {signal.severity for signal in SHELF.find(name).runbook.signals} == SEVERITIES[name]


@pytest.mark.parametrize(("theirs", "ours", "steps"), COVERAGE, ids=[f"{one}-{two}" for one, two, _ in COVERAGE])
def test_every_step_of_the_playbooks_is_in_the_library(theirs: str, ours: str, steps: dict[str, str]) -> None:
    texts = [(DATA / name).read_text() for name in ("playbook-runbooks.md", "playbook-response.md")]
    asked = {each.name: each for text in texts for each in read_document(text).runbooks}[theirs]
    known = {step.title.rstrip(".") for step in SHELF.find(ours).runbook.steps()}
    assert {step.title for step in asked.steps()} == set(steps)
    assert set(steps.values()) <= known


def test_no_sentence_of_the_playbooks_is_repeated() -> None:
    texts = [(DATA / name).read_text() for name in ("playbook-runbooks.md", "playbook-response.md")]
    sentences = {_fold(each) for text in texts for each in re.split(r"[.\n:|]", text)}
    long = {each for each in sentences if len(each.split()) >= 5}
    for book in SHELF.books.values():
        # Commands, names and the titles of phases are the same wherever they are written.
        words = re.sub(r"`[^`]*`|^## .*$", "", book.text, flags=re.MULTILINE)
        ours = {_fold(each) for each in re.split(r"[.\n:|]", words)}
        assert not ours & long


def test_every_action_can_be_written_in_a_runbook() -> None:
    for name in ACTIONS:
        assert not list(find_paths(parse_call(f"{name}()", 1)[1]))


def _fold(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9']+", text.lower()))
