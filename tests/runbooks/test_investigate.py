"""Whatever looks into a problem answers on a healthy, empty installation too, and returns what steps may name."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from quantum_scheduler.monitoring.errors_kept import ErrorsKept
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.runbooks.actions import investigate
from quantum_scheduler.runbooks.actions.call import call_action
from quantum_scheduler.runbooks.actions.desk import ActionFailed, Desk, Parts
from quantum_scheduler.runbooks.actions.table import find_action

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
# What talks to vendors is tried where there are some.
AT_HOME = [each.name for each in investigate.ACTIONS if not each.leaves_home]


async def call(pool: Pool, name: str, parts: Parts, *arguments: Any, **keywords: Any) -> Any:
    async with pool.acquire() as conn, conn.transaction():
        desk = Desk(conn=conn, key="1:1", who="a test", now=NOW, parts=parts)
        return await call_action(find_action(name), desk, arguments, keywords)


@pytest.mark.parametrize("name", AT_HOME)
async def test_every_investigation_answers_with_what_json_can_hold(pool: Pool, tmp_path: Path, name: str) -> None:
    parts = Parts(data_dir=tmp_path, errors=ErrorsKept(tmp_path / "logs"))
    answer = await call(pool, name, parts)
    assert json.loads(json.dumps(answer)) == answer


@pytest.mark.parametrize("name", [each for each in AT_HOME if find_action(each).effect == "read"])
async def test_the_promise_of_an_investigation_names_parts_that_it_returns(
    pool: Pool, tmp_path: Path, name: str
) -> None:
    answer = await call(pool, name, Parts(data_dir=tmp_path, errors=ErrorsKept(tmp_path / "logs")))
    said = find_action(name).function.promise
    promised = [word for word in said.split("`")[1::2] if word.replace("_", "").isalpha()]
    assert set(promised) - set(answer) == set()


async def test_a_process_without_a_data_folder_says_so(pool: Pool) -> None:
    for name in ("logs.patterns", "host.disk"):
        with pytest.raises(ActionFailed, match="this process"):
            await call(pool, name, Parts())


async def test_a_window_is_a_duration_with_a_limit(pool: Pool) -> None:
    for since in ("soon", "30d"):
        with pytest.raises(ValueError, match=r"duration|window"):
            await call(pool, "api.errors", Parts(), since=since)
