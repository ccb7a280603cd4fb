"""Alerts of others: one incident each, however often they are sent, until all about it is over."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from quantum_scheduler.incidents import respond
from quantum_scheduler.incidents.alerts.document import AlertmanagerAlert
from quantum_scheduler.incidents.alerts.model import Alert
from quantum_scheduler.incidents.alerts.read import read_alertmanager, read_severity
from quantum_scheduler.incidents.alerts.take import find_alerted, forget_alerts, list_alerts, take_alert
from quantum_scheduler.incidents.look_up import find_incident, list_incidents, read_timeline
from quantum_scheduler.incidents.model import IncidentUnknown, NewIncident
from quantum_scheduler.incidents.paging.announce import NOBODY
from quantum_scheduler.postgres.connect import Connection, Pool

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
FIRING = Alert(source="alert", fingerprint="f1", status="firing", title="Disk full", severity="P2")


async def take(conn: Connection, alert: Alert, *, at_min: float = 0.0, **changes: Any) -> tuple[str, str | None]:
    async with conn.transaction():
        taken = await take_alert(conn, replace(alert, **changes), NOBODY, now=NOW + timedelta(minutes=at_min))
    return taken.outcome, taken.incident


async def test_an_alert_raises_one_incident_until_it_is_over(pool: Pool) -> None:
    async with pool.acquire() as conn:
        outcome, name = await take(conn, FIRING)
        assert outcome == "new"
        assert await take(conn, FIRING, at_min=1) == ("same", name)
        assert await take(conn, FIRING, at_min=2, severity="P0") == ("worsened", name)
        assert await take(conn, FIRING, at_min=3, status="resolved") == ("cleared", name)
        assert await take(conn, FIRING, at_min=3, status="resolved") == ("ignored", None)
        assert name is not None
        incident = await find_incident(conn, name)
        assert (incident.state, incident.severity) == ("resolved", "P0")
        kinds = [event.kind for event in await read_timeline(conn, incident.id)]
        assert [kind for kind in kinds if kind.startswith("alert_")] == ["alert_fired", "alert_fired", "alert_cleared"]
        assert await take(conn, FIRING, at_min=10) == ("reopened", name)
        assert await take(conn, FIRING, at_min=11, status="resolved") == ("cleared", name)
        outcome, later = await take(conn, FIRING, at_min=60)
        assert (outcome, later != name) == ("new", True)
        (known,) = await list_alerts(conn, is_firing=True)
        assert (known.times, known.first_at, known.title) == (5, NOW, "Disk full")


async def test_alerts_of_one_runbook_and_key_are_one_incident_that_ends_with_the_last_of_them(pool: Pool) -> None:
    async with pool.acquire() as conn:
        ours = replace(FIRING, runbook="dynex-outage", key="dynex")
        _, name = await take(conn, ours)
        assert await take(conn, ours, fingerprint="f2") == ("same", name)
        assert await take(conn, ours, status="resolved") == ("cleared", name)
        assert name is not None
        assert (await find_incident(conn, name)).state == "open"
        assert await take(conn, ours, fingerprint="f2", status="resolved") == ("cleared", name)
        assert (await find_incident(conn, name)).state == "resolved"


async def test_an_alert_does_not_end_what_was_not_raised_by_one(pool: Pool) -> None:
    async with pool.acquire() as conn:
        new = NewIncident(title="Dynex is down", severity="P1", runbook="dynex-outage", key="dynex")
        incident, _ = await respond.raise_incident(conn, new, NOBODY, actor="watch", now=NOW)
        ours = replace(FIRING, runbook="dynex-outage", key="dynex")
        assert await take(conn, ours) == ("same", incident.name)
        assert await take(conn, ours, status="resolved") == ("cleared", incident.name)
        assert (await find_incident(conn, incident.id)).state == "open"


async def test_what_our_own_detection_still_sees_is_not_over(pool: Pool) -> None:
    async with pool.acquire() as conn:
        _, name = await take(conn, FIRING)
        incident = await find_alerted(conn, "f1")
        await conn.execute(
            "INSERT INTO detected_signal (runbook, title, definition, severity, is_raised, is_flapping, incident_id, "
            "state, at) VALUES ('disk', 'Disk full', '', 'P2', true, false, $1, '{}', $2)",
            incident.id,
            NOW,
        )
        assert await take(conn, FIRING, status="resolved") == ("cleared", name)
        assert (await find_incident(conn, incident.id)).state == "open"


async def test_what_somebody_is_at_is_left_to_them(pool: Pool) -> None:
    async with pool.acquire() as conn:
        _, name = await take(conn, FIRING)
        incident = await find_alerted(conn, "f1")
        await respond.acknowledge(conn, incident.id, NOBODY, actor="ann", now=NOW)
        assert await take(conn, FIRING, status="resolved") == ("cleared", name)
        assert (await find_incident(conn, incident.id)).state == "mitigated"


async def test_an_alert_goes_on_with_what_its_incident_was_merged_into(pool: Pool) -> None:
    async with pool.acquire() as conn:
        _, name = await take(conn, FIRING)
        other = NewIncident(title="Everything", severity="P0")
        into, _ = await respond.raise_incident(conn, other, NOBODY, actor="ann", now=NOW)
        merged = await find_alerted(conn, "f1")
        assert merged.name == name
        await respond.merge(conn, merged.id, into.id, NOBODY, actor="ann", now=NOW)
        assert await take(conn, FIRING) == ("same", into.name)
        assert await take(conn, FIRING, status="resolved") == ("cleared", into.name)
        assert (await find_incident(conn, into.id)).state == "open"


async def test_what_is_delivered_many_times_at_once_is_taken_once(pool: Pool) -> None:
    async def deliver(status: str, fingerprint: str) -> str:
        async with pool.acquire() as conn:
            return (await take(conn, FIRING, status=status, fingerprint=fingerprint, runbook="disk"))[0]

    fingerprints = [f"f{number % 3}" for number in range(9)]
    outcomes = await asyncio.gather(*(deliver("firing", each) for each in fingerprints))
    assert sorted(outcomes) == ["new", *["same"] * 8]
    await asyncio.gather(*(deliver("resolved", each) for each in fingerprints))
    async with pool.acquire() as conn:
        assert [each.state for each in await list_incidents(conn)] == ["resolved"]


async def test_alerts_that_are_long_over_are_forgotten(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await take(conn, FIRING)
        await take(conn, FIRING, fingerprint="f2")
        await take(conn, FIRING, status="resolved")
        await forget_alerts(conn, now=NOW + timedelta(days=31))
        assert [each.fingerprint for each in await list_alerts(conn, is_firing=False)] == ["f2"]
        with pytest.raises(IncidentUnknown):
            await find_alerted(conn, "f1")


@pytest.mark.parametrize(
    ("word", "severity"),
    [("P1", "P1"), ("critical", "P0"), ("Warning", "P2"), ("", "P2"), ("odd", "P2"), ("info", "P3"), ("none", None)],
)
def test_every_word_for_a_severity_means_one(word: str, severity: str | None) -> None:
    assert read_severity(word) == severity


@pytest.mark.parametrize(
    ("labels", "annotations", "runbook"),
    [
        ({"runbook": "dynex-outage"}, {}, "dynex-outage"),
        ({}, {"runbook_url": "https://wiki.example/incident-runbooks.md#ipfs-pin-failures"}, "ipfs-pin-failures"),
        ({}, {"runbook_url": "https://wiki.example/runbooks/delayed-jobs.md"}, "delayed-jobs"),
        ({}, {"runbook_url": "https://[broken"}, None),
        ({"runbook": "no such; name"}, {}, None),
        ({}, {}, None),
    ],
)
def test_labels_and_addresses_name_the_runbook(
    labels: dict[str, str], annotations: dict[str, str], runbook: str | None
) -> None:
    sent = AlertmanagerAlert(status="firing", labels=labels, annotations=annotations)
    assert read_alertmanager(sent, "grafana").runbook == runbook


def test_what_is_too_long_is_cut_and_never_lost() -> None:
    sent = AlertmanagerAlert.model_validate(
        {
            "status": "firing",
            "labels": {"alertname": "a" * 3_000, "b": "x\x00y\n"},
            "annotations": {"description": "\x00" + "d" * 20_000},
            "startsAt": datetime(1, 1, 1, tzinfo=UTC),
        }
    )
    alert = read_alertmanager(sent, "alertmanager")
    assert (len(alert.title), len(alert.impact), alert.began_at) == (200, 10_000, None)
    assert alert.labels["b"] == "x y"
    assert alert.fingerprint == read_alertmanager(sent, "alertmanager").fingerprint
