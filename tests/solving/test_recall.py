import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.solving.model import SolveRequest
from quantum_scheduler.solving.recall import RESULT_MAX_BYTES, forget_result, recall_result, remember_results
from quantum_scheduler.solving.recheck import recheck
from quantum_scheduler.solving.store.solution import evict_solutions

PROBLEM = {"kind": "binary", "linear": [["a", -1], ["b", 2]], "quadratic": [["a", "b", -3]], "offset": 5}
BEST = {"kind": "binary", "values": [["a", 1], ["b", 1]]}
FINGERPRINT = "f" * 64


def answer(**parts: Any) -> dict[str, Any]:
    """A result as it is stored."""
    result = {
        "status": "feasible",
        "backend": "classical",
        "seed": 0,
        "fingerprint": FINGERPRINT,
        "time_limit_s": 10.0,
        "solution": BEST,
        "objective": 3,
        "verified": True,
        "cached": False,
    }
    return result | parts


@dataclass(frozen=True)
class Memory:
    """What one organisation has stored."""

    pool: Pool
    org_id: UUID

    async def remember(self, *results: dict[str, Any]) -> None:
        async with self.pool.acquire() as conn:
            await remember_results(conn, [(self.org_id, result) for result in results])

    async def recall(self, fingerprint: str = FINGERPRINT, **request: Any) -> Any:
        async with self.pool.acquire() as conn:
            return await recall_result(conn, self.org_id, fingerprint, SolveRequest(**request))


async def add_memory(pool: Pool) -> Memory:
    async with pool.acquire() as conn:
        return Memory(pool, await conn.fetchval("INSERT INTO organisation (name) VALUES ('one') RETURNING id"))


@pytest.fixture
async def memory(pool: Pool) -> Memory:
    return await add_memory(pool)


async def test_the_same_question_has_the_same_answer(memory: Memory) -> None:
    await memory.remember(answer())
    assert await memory.recall() == answer()


@pytest.mark.parametrize(
    ("stored", "request_", "serves"),
    [
        ({"time_limit_s": 10.0}, {"time_limit_s": 10.0}, True),
        ({"time_limit_s": 10.0}, {"time_limit_s": 3.0}, True),
        ({"time_limit_s": 10.0}, {"time_limit_s": 11.0}, False),
        ({"status": "optimal", "time_limit_s": 1.0}, {"time_limit_s": 100.0}, True),
        ({"seed": 1}, {"seed": 2}, True),
        ({"backend": "classical"}, {"backend": "auto"}, True),
        ({"backend": "classical"}, {"backend": "classical"}, True),
        ({"backend": "classical"}, {"backend": "simulator"}, False),
        ({"backend": "simulator"}, {"backend": "auto"}, False),
        ({"backend": "simulator"}, {"backend": "simulator"}, True),
        ({"method": "tabu"}, {}, False),
        ({"method": "tabu"}, {"method": "anneal"}, False),
        ({"method": "tabu"}, {"backend": "classical", "method": "tabu"}, True),
        ({}, {"method": "tabu"}, False),
        ({"fingerprint": "e" * 64}, {}, False),
        ({"status": "timed_out"}, {}, False),
        ({"status": "infeasible", "solution": None, "objective": None}, {}, False),
        ({"info": {"much": "x" * RESULT_MAX_BYTES}}, {}, False),
    ],
)
async def test_an_answer_serves_whom_it_is_good_enough_for(
    memory: Memory, stored: dict[str, Any], request_: dict[str, Any], serves: bool
) -> None:
    await memory.remember(answer(**stored))
    assert (await memory.recall(**request_) is not None) is serves


async def test_an_organisation_is_answered_from_its_own_memory(memory: Memory) -> None:
    await memory.remember(answer())
    assert await (await add_memory(memory.pool)).recall() is None


@pytest.mark.parametrize(
    ("first", "second", "stays"),
    [
        ({"objective": 3}, {"objective": 2}, "second"),
        ({"objective": 2}, {"objective": 3}, "first"),
        ({"objective": 2}, {"objective": 3, "time_limit_s": 20.0}, "second"),
        ({"objective": 3}, {"objective": 2, "time_limit_s": 5.0}, "first"),
        ({"time_limit_s": 99.0}, {"status": "optimal", "time_limit_s": 1.0}, "second"),
        ({"status": "optimal", "time_limit_s": 1.0}, {"time_limit_s": 99.0}, "first"),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
async def test_the_better_answer_stays(
    memory: Memory, first: dict[str, Any], second: dict[str, Any], stays: str, at_once: bool
) -> None:
    answers = {"first": answer(**first, info="first"), "second": answer(**second, info="second")}
    batches = [list(answers.values())] if at_once else [[each] for each in answers.values()]
    for batch in batches:
        await memory.remember(*batch)
    assert await memory.recall(time_limit_s=1.0) == answers[stays]


async def test_an_answer_can_be_forgotten(memory: Memory) -> None:
    await memory.remember(answer())
    async with memory.pool.acquire() as conn:
        await forget_result(conn, memory.org_id, FINGERPRINT, SolveRequest(backend="auto"))
    assert await memory.recall() is None


async def test_the_oldest_answers_make_room(memory: Memory) -> None:
    for number in range(5):
        await memory.remember(answer(fingerprint=str(number)))
    async with memory.pool.acquire() as conn:
        await evict_solutions(conn, count_max=2)
    kept = [number for number in range(5) if await memory.recall(str(number)) is not None]
    assert kept == [3, 4]


def check(problem: dict[str, Any], result: dict[str, Any]) -> Any:
    return json.loads(recheck(json.dumps({"problem": problem, "result": result}).encode(), lambda _: None))


def test_an_answer_that_holds_is_marked_as_cached() -> None:
    checked = check(PROBLEM, answer())
    assert checked == answer(cached=True, measures=checked["measures"])


def test_an_answer_holds_for_reordered_input() -> None:
    reordered = PROBLEM | {"linear": [["b", 2], ["a", -1]], "quadratic": [["b", "a", -3]]}
    assert check(reordered, answer())["objective"] == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"objective": 2},
        {"solution": {"kind": "binary", "values": [["a", 1], ["b", 0]]}},
        {"solution": {"kind": "binary", "values": [["a", 1]]}},
    ],
)
def test_an_answer_that_does_not_hold_is_refused(wrong: dict[str, Any]) -> None:
    assert check(PROBLEM, answer(**wrong)) is None
