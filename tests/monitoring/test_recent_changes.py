"""What was changed lately is found wherever it is written down."""

from datetime import UTC, datetime, timedelta

import pytest

from quantum_scheduler.accounts.audit.deploy import record_deployment
from quantum_scheduler.accounts.audit.model import AuditEntry
from quantum_scheduler.accounts.audit.record import record_audit
from quantum_scheduler.monitoring.changes import find_changes
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.settings import describe_settings, read_settings
from quantum_scheduler.solving.actions import classical_only, set_priority

INCIDENT = "incident-2026-11-22-001"


async def test_changes_of_every_kind_are_counted_and_the_newest_comes_first(pool: Pool) -> None:
    async with pool.acquire() as conn:
        async with conn.transaction():
            for action in ("limits.set_multiplier", "keys.rotate", "accounts.block", "login.refused"):
                await record_audit(conn, AuditEntry(action=action, subject="x"))
            await record_audit(
                conn, AuditEntry(action="breaker.open", subject="x", incident_id="incident-2026-11-22-001")
            )
        await classical_only(conn, True, reason="incident-2026-11-22-001")
        await set_priority(conn, ["dynex"], reason="a test")
        found = await find_changes(conn, now=datetime.now(UTC) + timedelta(seconds=5))
        later = await find_changes(conn, now=datetime.now(UTC) + timedelta(days=2))
        with pytest.raises(ValueError, match="a window of changes"):
            await find_changes(conn, now=datetime.now(UTC), window_s=0)
    counted = (found.deployments, found.settings, found.keys, found.priorities, found.access)
    assert counted == (0, 1, 1, 1, 1)  # the installation is no deployment
    assert (found.latest, found.latest_s is not None) == ("solving.priority a test", True)
    assert (later.total, later.latest, later.latest_s) == (0, "", None)


async def test_a_start_is_audited_where_the_version_or_a_setting_is_another(pool: Pool) -> None:
    starts = [("1", {"a": "1"}), ("1", {"a": "1"}), ("1", {"a": "2"}), ("2", {"a": "2"})]
    async with pool.acquire() as conn:
        noted = []
        for version, settings in starts:
            async with conn.transaction():
                noted.append(await record_deployment(conn, version=version, settings=settings))
        rows = await conn.fetch("SELECT action, detail FROM audit_entry ORDER BY seq")
    assert noted == [True, False, True, True]
    assert [row["action"] for row in rows] == ["service.installed", "settings.changed", "service.deployed"]
    assert rows[1]["detail"]["changed"] == {"a": ["1", "2"]}
    assert rows[2]["detail"]["before"] == "1"


def test_settings_are_described_without_their_secrets() -> None:
    secrets = ("QUANTUM_SCHEDULER_API_KEY", "SMTP_URL", "SLACK_BOT_TOKEN", "DATABASE_URL", "ALERT_WEBHOOK_SECRET")
    described = describe_settings(read_settings(dict.fromkeys(secrets, "smtp://hunter2") | {"WORKER_SLOTS": "7"}))
    assert not any("hunter2" in value for value in described.values())
    assert (described["worker_slots"], described["smtp_url"], described["alerts.slack_bot_token"]) == (
        "7",
        "set",
        "set",
    )
