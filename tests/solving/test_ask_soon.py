"""A backend that is well is asked now and then, one that is not or that has just failed a job is asked soon."""

import pytest

from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.solving.store.breaker import claim_checks

ASKED = "INSERT INTO backend_health (backend, asked_at, status) VALUES ('dynex', now() - interval '10 s', $1)"
FAILED = "INSERT INTO breaker_event (backend, kind, at) VALUES ('dynex', $1, now() - $2 * interval '1 second')"


@pytest.mark.parametrize(
    ("status", "kind", "ago_s", "is_due"),
    [
        ("up", None, 1.0, False),
        ("down", None, 1.0, True),
        ("degraded", None, 1.0, True),
        ("up", "offline", 1.0, True),
        ("up", "offline", 11.0, False),
    ],
)
async def test_trouble_makes_the_next_question_come_soon(
    pool: Pool, status: str, kind: str | None, ago_s: float, is_due: bool
) -> None:
    async with pool.acquire() as conn:
        await conn.execute(ASKED, status)
        await conn.execute(FAILED, kind, ago_s)
        assert await claim_checks(conn, ["dynex"], every_s=15, soon_s=4) == (["dynex"] if is_due else [])
        assert await claim_checks(conn, ["dynex"], every_s=15, soon_s=4) == []
        assert await claim_checks(conn, ["dynex"], every_s=0, soon_s=0) == ["dynex"]
