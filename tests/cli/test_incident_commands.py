"""`incident` and `oncall`: people on call work from a terminal, on the database itself."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from quantum_scheduler.notifications.oncall.arrange import keep_person, keep_rotation
from quantum_scheduler.notifications.oncall.model import Person, Rotation
from quantum_scheduler.postgres.connect import connect

Ask = Callable[..., Any]
NOW = datetime.now(UTC)
YESTERDAY, TOMORROW = ((NOW + timedelta(days=days)).isoformat() for days in (-1, 1))
LATER = [(NOW + timedelta(days=days)).isoformat() for days in (30, 37)]


async def arrange(dsn: str) -> None:
    conn = await connect(dsn)
    try:
        for name in ("ann", "bob"):
            await keep_person(conn, Person(name=name))
        zone = ZoneInfo("Europe/Berlin")
        starts_at = NOW.astimezone(zone) - timedelta(days=30)
        await keep_rotation(
            conn, Rotation(name="primary", people=("ann", "bob"), starts_at=starts_at, turn_days=7, zone=zone)
        )
    finally:
        await conn.close()


@pytest.fixture
def ask(dsn: str, run_here: Callable[..., Any]) -> Ask:
    """Run a command on a database of its own, and read its answer."""

    def run(*arguments: str, code: int = 0) -> Any:
        ended = run_here(*arguments, "--json", environ={"DATABASE_URL": dsn})
        assert ended.returncode == code, ended.stderr
        return json.loads(ended.stdout)

    return run


def test_an_incident_is_steered_from_the_terminal(ask: Ask, dsn: str, run_here: Callable[..., Any]) -> None:
    name = ask("incident", "declare", "Dynex is down", "--severity", "P1")["name"]
    assert [each["name"] for each in ask("incidents")] == [name]
    assert ask("incident", "ack", name)["state"] == "acknowledged"
    assert ask("incident", "severity", name, "P0", "--why", "All of it.")["severity"] == "P0"
    ask("incident", "note", name, "A cable.")
    ask("incident", "tick", name, "3")
    ask("incident", "tick", name, "3", "--undo")
    other = ask("incident", "declare", "The same", "--severity", "P3")["name"]
    assert ask("incident", "merge", other, name)["state"] == "merged"
    assert ask("incident", "resolve", name, "--resolution", "The cable.")["state"] == "resolved"
    assert "The cable." in ask("incident", "review", name)["markdown"]
    whole = ask("incident", "show", name)
    assert {"paged", "note", "ticked", "unticked", "merged_in"} <= {each["kind"] for each in whole["timeline"]}
    assert ask("incidents") == []
    assert len(ask("incidents", "--all")) == 2
    shown = run_here("incident", "show", name, environ={"DATABASE_URL": dsn}).stdout
    assert "[x] Declare incident with appropriate severity" in shown


def test_all_of_a_response_is_done_from_the_terminal(
    ask: Ask, dsn: str, run_here: Callable[..., Any], tmp_path: Path
) -> None:
    name = ask("incident", "declare", "Dynex is down", "--severity", "P2", "--service", "quantum/dynex")["name"]
    assert ask("incident", "mitigate", name)["state"] == "mitigated"
    assert ask("incident", "worsen", name, "--why", "It is back.")["state"] == "open"
    assert ask("incident", "roles", name, "scribe", "ann")["scribe"] == "ann"
    assert ask("incident", "roles", name)["scribe"] == "ann"
    sections = list(dict.fromkeys(each["section"] for each in ask("incident", "checklist", name)))
    assert sections == ["During incident", "Resolution", "Post-incident"]
    ask("incident", "resolve", name)
    tasks = ask("incident", "tasks", name)
    assert (len(tasks), tasks[5]["title"], tasks[5]["owner"]) == (12, "Document timeline and root cause", "ann")
    file = tmp_path / "review.md"
    ask("incident", "review", name, "--export", str(file))
    assert "- Customers affected: 0 of 0" in file.read_text()
    file.write_text("# Ours")
    assert ask("incident", "review", name, "--replace", str(file)) == {"markdown": "# Ours"}
    assert ask("incident", "reopen", name)["state"] == "open"
    shown = run_here("incident", "checklist", name, environ={"DATABASE_URL": dsn}).stdout
    assert "  1 [x] Declare incident with appropriate severity" in shown
    ended = run_here("incident", "review", name, "--replace", str(tmp_path / "none"), environ={"DATABASE_URL": dsn})
    assert (ended.returncode, len(ended.stderr.splitlines())) == (2, 1)


def test_what_is_refused_has_one_line_and_a_code(dsn: str, run_here: Callable[..., Any]) -> None:
    for code, *arguments in (
        (2, "incident", "ack", "incident-2000-01-01-001"),
        (2, "incident", "declare", " ", "--severity", "P1"),
        (2, "oncall", "calendar", "none"),
        (2, "oncall", "swap", "none", "--one", "soon", "--other", "later"),
    ):
        ended = run_here(*arguments, environ={"DATABASE_URL": dsn})
        assert ended.returncode == code
        assert ended.stderr.startswith("error: ")
        assert len(ended.stderr.splitlines()) == 1


def test_who_is_on_call_is_shown_and_arranged(ask: Ask, dsn: str) -> None:
    asyncio.run(arrange(dsn))
    assert ask("oncall")[0]["role"]["title"] == "On-Call Engineer"
    assert ask("oncall", "gaps") == []
    ask("oncall", "override", "primary", "nobody", "--start", YESTERDAY, "--end", TOMORROW)
    assert {each["rotation"] for each in ask("oncall", "gaps", code=1)} == {"primary"}
    ask("oncall", "override", "primary", "bob", "--start", YESTERDAY, "--end", TOMORROW)
    assert ask("oncall", "gaps") == []
    swapped = ask("oncall", "swap", "primary", "--one", LATER[0], "--other", LATER[1])
    assert {each["person"] for each in swapped} == {"ann", "bob"}
    assert "BEGIN:VEVENT" in ask("oncall", "calendar", "primary")["calendar"]


def test_customers_are_told_from_the_terminal(ask: Ask) -> None:
    name = ask("incident", "declare", "Dynex is down", "--severity", "P1")["name"]
    ask("status", "publish", name, "We are looking.", "--component", "dynex", "--state", "partial_outage")
    ask("status", "set", "billing", "maintenance")
    summary = ask("status")
    assert summary["status"]["indicator"] == "major"
    assert [each["id"] for each in summary["incidents"]] == [name]


def test_maintenance_is_scheduled_and_ended(ask: Ask, dsn: str, run_here: Callable[..., Any]) -> None:
    planned = ask(
        *("maintenance", "schedule", "A new database", "--component", "api", "--start", YESTERDAY, "--end", TOMORROW)
    )
    assert (planned["phase"], planned["components"]) == ("in_progress", ["api"])
    components = {each["id"]: each["status"] for each in ask("status")["components"]}
    assert components["api"] == "under_maintenance"
    assert ask("maintenance", "end", str(planned["id"]))["phase"] == "completed"
    assert [each["phase"] for each in ask("maintenance")] == ["completed"]
    times = ("--start", YESTERDAY, "--end", TOMORROW)
    for arguments in (
        ("end", "99"),
        ("schedule", "x", "--component", "moon", *times),
        ("schedule", "x", "--component", "api", "--start", "soon", "--end", TOMORROW),
        ("schedule", "x", "--component", "api", "--start", TOMORROW, "--end", YESTERDAY),
    ):
        ended = run_here("maintenance", *arguments, environ={"DATABASE_URL": dsn})
        assert (ended.returncode, len(ended.stderr.splitlines())) == (2, 1)


def test_the_matrix_and_the_policies_are_shown_and_changed(
    ask: Ask, dsn: str, run_here: Callable[..., Any], tmp_path: Path
) -> None:
    asyncio.run(arrange(dsn))
    roles = ask("oncall", "contacts")
    assert [each["title"] for each in roles if not each["is_emergency"]] == [
        *("On-Call Engineer", "Senior Engineer", "Quantum Expert", "SRE Lead", "Engineering Manager"),
    ]
    assert [each["name"] for each in roles if each["is_emergency"]] == [
        *("security", "infrastructure", "quantum", "management"),
    ]
    changed = ask("oncall", "contacts", "security", "ann", "--backup", "bob")
    assert {each["name"]: (each["contact"], each["backup"]) for each in changed}["security"] == ("ann", "bob")
    written = ask("oncall", "policy", "night", "--level", "0=security", "--level", "0.5=security/backup,sre-lead")
    assert [(each["after_share"], each["roles"]) for each in written["night"]] == [
        (0.0, ["security"]),
        (0.5, ["security/backup", "sre-lead"]),
    ]
    assert {"default", "night"} <= set(ask("oncall", "policy"))
    ask("oncall", "override", "primary", "bob", "--start", YESTERDAY, "--end", TOMORROW)
    assert [each["person"] for each in ask("oncall", "overrides", "primary")] == ["bob"]
    (file,) = ask("oncall", "export", "--out", str(tmp_path))
    assert Path(file).read_text().startswith("BEGIN:VCALENDAR")
    for arguments in (
        ("contacts", "security"),
        ("policy", "none"),
        ("policy", "x", "--level", "soon=security"),
        ("policy", "x", "--level", "0.5=security"),
        ("overrides", "none"),
        ("export", "--out", str(tmp_path / "none")),
    ):
        ended = run_here("oncall", *arguments, environ={"DATABASE_URL": dsn})
        assert (ended.returncode, len(ended.stderr.splitlines())) == (2, 1)


def test_an_inbox_is_read_from_the_terminal(ask: Ask, dsn: str, run_here: Callable[..., Any]) -> None:
    name = ask("incident", "declare", "Dynex is down", "--severity", "P1")["name"]
    (page,) = ask("inbox", "oncall-primary", "--unread")
    assert (page["incident"], page["kind"]) == (name, "alert")
    assert ask("inbox", "oncall-primary", "--unread", "--read", page["id"]) == []
    assert ask("inbox", "oncall-primary")[0]["read_at"]
    ended = run_here("inbox", "bob", "--read", page["id"], environ={"DATABASE_URL": dsn})
    assert (ended.returncode, len(ended.stderr.splitlines())) == (2, 1)
