"""Every request leaves one line in the log, and a failure leaves its reason there and nowhere else."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from quantum_scheduler.postgres.connect import connect

Start = Callable[..., AbstractContextManager[Any]]


@pytest.mark.parametrize("path", ["/v1/health", "/v1/jobs", "/nowhere?secret=1", "/docs"])
def test_every_request_leaves_one_line_with_its_id(stranger: httpx2.Client, path: str, log_file: Path) -> None:
    request_id = uuid4().hex
    answer = stranger.get(path, headers={"X-Request-Id": request_id})
    line = _await_line(log_file, request_id)
    assert "event=request.answered" in line
    assert f"status={answer.status_code}" in line
    assert "secret" not in line


@pytest.mark.parametrize(("path", "level"), [("/v1/health", "debug"), ("/v1/jobs", "info")])
def test_what_is_asked_every_few_seconds_is_told_to_who_debugs_only(
    stranger: httpx2.Client, path: str, level: str, log_file: Path
) -> None:
    request_id = uuid4().hex
    stranger.get(path, headers={"X-Request-Id": request_id})
    assert f"level={level}" in _await_line(log_file, request_id)


def test_a_failure_is_logged_with_its_reason_and_told_without_it(idle: Start, log_file: Path) -> None:
    with idle() as service, service.customer() as customer:
        asyncio.run(_break(service.dsn))
        answer = customer.get("/v1/jobs", headers={"X-Request-Id": "broken"})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems/request-failed"
    assert answer.json()["request_id"] == "broken"
    assert "relation" not in answer.text
    failure = _await_line(log_file, "event=request.failed", "request_id=broken")
    assert 'relation \\"job\\" does not exist' in failure


async def _break(dsn: str) -> None:
    conn = await connect(dsn)
    try:
        await conn.execute("DROP TABLE job CASCADE")
    finally:
        await conn.close()


def _await_line(log_file: Path, *texts: str) -> str:
    """The one line of the log that holds all `texts`; it may come a moment after the answer."""
    give_up_at = time.monotonic() + 10
    while not (lines := [line for line in log_file.read_text().splitlines() if all(text in line for text in texts)]):
        assert time.monotonic() < give_up_at
        time.sleep(0.01)
    (line,) = lines
    return line
