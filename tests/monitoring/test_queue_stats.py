import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from quantum_scheduler.monitoring import queue_stats
from quantum_scheduler.monitoring.measure import find_data_dir
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.postgres.model import DatabaseUnavailable, MigrationRefused
from quantum_scheduler.settings import read_settings

FILL = """
WITH customer AS (
    INSERT INTO organisation (name) VALUES ('a customer') RETURNING id
), jobs AS (
    INSERT INTO job (
        org_id, name, priority, backend, lane, problem, summary, fingerprint, time_limit_s, seed, use_cache
    )
    SELECT id, '', given.priority, 'auto', given.lane, '', '{}', '', 10, 0, true
    FROM customer, (VALUES (1, 'solve.classical'), (1, 'solve.classical'), (3, 'solve.dynex')) AS given (priority, lane)
    RETURNING id, org_id, lane, priority
)
INSERT INTO task (lane, org_id, kind, priority, job_id, state, run_at)
SELECT lane, org_id, 'solve', priority, id, 'ready', now() - interval '2 minutes' FROM jobs
"""


@pytest.fixture
async def filled(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await conn.execute(FILL)


async def test_the_queue_is_measured_from_inside_a_running_event_loop(filled: None, dsn: str) -> None:
    stats = queue_stats({"DATABASE_URL": dsn})
    assert (stats.depth, stats.running, stats.stuck, stats.avg_processing_time_s) == (3, 0, 0, None)
    assert 120 <= stats.oldest_wait_s < 1000
    assert [(each.lane, each.priority, each.depth) for each in stats.lanes] == [
        ("solve.classical", "normal", 2),
        ("solve.dynex", "critical", 1),
    ]


async def test_it_prints_as_a_table_of_lanes_with_their_total_and_pauses(filled: None, pool: Pool, dsn: str) -> None:
    async with pool.acquire() as conn:
        until = datetime.now(UTC) + timedelta(hours=1)
        await conn.execute("INSERT INTO lane VALUES ('solve.dynex', 'the vendor is down', $1)", until)
    heading, _, normal, critical, total, pause = str(queue_stats({"DATABASE_URL": dsn})).splitlines()
    assert heading.split("  ")[0] == "lane"
    assert {"depth", "oldest", "avg", "stuck"} <= set(heading.split())
    assert normal.split()[:3] == ["solve.classical", "normal", "2"]
    assert critical.split()[:3] == ["solve.dynex", "critical", "1"]
    assert total.split()[:2] == ["all", "3"]
    assert pause == f"solve.dynex is paused until {until:%Y-%m-%d %H:%M:%S} UTC: the vendor is down"


async def test_an_empty_queue_prints_its_total(pool: Pool, dsn: str) -> None:
    _, _, total = str(await asyncio.to_thread(queue_stats, {"DATABASE_URL": dsn})).splitlines()
    assert total.split()[:2] == ["all", "0"]


async def test_it_works_in_any_shell_that_has_the_database_url(filled: None, dsn: str) -> None:
    line = "from quantum_scheduler.monitoring import queue_stats; print(queue_stats())"
    environ = {**os.environ, "DATABASE_URL": dsn}
    command = [sys.executable, "-c", line]
    done = await asyncio.to_thread(subprocess.run, command, env=environ, capture_output=True, text=True, check=True)
    assert "solve.dynex" in done.stdout
    assert done.stderr == ""


def test_without_a_database_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match="quantum-scheduler up"):
        queue_stats({"QUANTUM_SCHEDULER_DATA_DIR": str(tmp_path)})


async def test_a_database_that_was_not_migrated_is_refused_with_the_command_that_does_it(empty_dsn: str) -> None:
    with pytest.raises(MigrationRefused, match="quantum-scheduler db migrate"):
        await asyncio.to_thread(queue_stats, {"DATABASE_URL": empty_dsn})


def test_the_data_folder_is_that_of_the_settings(tmp_path: Path) -> None:
    for environ in ({}, {"QUANTUM_SCHEDULER_DATA_DIR": str(tmp_path)}):
        assert find_data_dir(environ) == read_settings(environ).data_dir


def test_importing_it_loads_no_driver() -> None:
    line = "import quantum_scheduler.monitoring, sys; sys.exit('asyncpg' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", line], check=False).returncode == 0
