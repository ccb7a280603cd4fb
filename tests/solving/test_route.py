from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from quantum_scheduler.backends.model import Health
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.solving.actions import classical_only, clear_override, put_last, set_priority
from quantum_scheduler.solving.judge import judge_race
from quantum_scheduler.solving.route import RULES, decide, list_candidates
from quantum_scheduler.solving.routing_model import Appraisal, Breaker, Candidate, Question, Rules
from quantum_scheduler.solving.rules import announce_environment, read_latest_rules, read_rules

NOW = datetime(2026, 11, 22, tzinfo=UTC)
QUESTION = Question(asked="quantum", job_id=UUID(int=7), now=NOW, tried={})
WELL = Candidate(
    name="dynex",
    breaker=Breaker(backend="dynex", since=NOW),
    appraisal=Appraisal(fits=True, seconds=5.0, cost_usd=0.4),
)
OPEN = Breaker(backend="dynex", state="open", since=NOW, reason="4 of 4 failed")
# For each rule: what the question and the candidate are like that it refuses, and what it says.
REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "mode": ({"classical_only": True}, {}, "everything is solved classically now"),
    "tried": ({"tried": {"dynex": "offline: gone"}}, {}, "offline: gone"),
    "breaker": ({}, {"breaker": OPEN}, "open: 4 of 4 failed"),
    "health": ({}, {"health": Health(status="down", error="auth", message="key")}, "auth: key"),
    "loading": (
        {"asked": "auto", "loading": frozenset({"dynex"})},
        {},
        "its SDK is being imported here, for which no job of `auto` waits",
    ),
    "share": ({}, {"share": 0}, "it gets 0 % of the jobs, and this is not one of them"),
    "error": ({}, {"appraisal": Appraisal(fits=False, error="no SDK")}, "no SDK"),
    "fit": ({}, {"appraisal": Appraisal(fits=False, why="too many variables")}, "too many variables"),
    "quota": ({"short": {"dynex": "the plan has not enough left"}}, {}, "the plan has not enough left"),
    "budget": ({"max_cost_usd": 0.1}, {}, "it would cost 0.4 USD, and may cost 0.1"),
    "deadline": ({"deadline_left_s": 2.0}, {}, "it would take 5.0 s, and 2.0 s are left"),
}
CLASSICAL: dict[str, Any] = {
    "status": "feasible",
    "objective": 5,
    "bound": 3,
    "gap": 0.4,
    "seconds": 1.0,
    "solution": {},
    "fingerprint": "f",
}
QUANTUM = CLASSICAL | {"bound": None, "gap": None}


def test_the_first_candidate_that_nothing_refuses_is_chosen_and_all_reasons_are_told() -> None:
    ibm = replace(WELL, name="ibm", breaker=OPEN)
    decision = decide(QUESTION, [ibm, WELL])
    assert decision.chosen == "dynex"
    assert [(reason.backend, reason.rule) for reason in decision.reasons] == [("ibm", "breaker"), ("dynex", "chosen")]
    assert decision.document()["reasons"][0]["why"] == "open: 4 of 4 failed"
    assert decision.cost_usd == 0.4


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_each_rule_refuses_for_its_own_reason(rule: str) -> None:
    asked, candidate, why = REFUSED[rule]
    decision = decide(replace(QUESTION, **asked), [replace(WELL, **candidate)])
    assert decision.chosen is None
    assert [(reason.rule, reason.why) for reason in decision.reasons] == [(rule, why)]
    assert decision.is_fallback == {each.name: each.is_trouble for each in RULES}[rule]


def test_a_price_that_is_not_known_is_too_dear_for_a_budget_and_else_is_not() -> None:
    quoted = replace(WELL, appraisal=Appraisal(fits=True))
    assert decide(QUESTION, [quoted]).chosen == "dynex"
    assert decide(replace(QUESTION, max_cost_usd=100), [quoted]).chosen is None


def test_a_backend_of_unknown_health_is_given_a_try() -> None:
    assert decide(QUESTION, [replace(WELL, health=None)]).chosen == "dynex"
    assert decide(QUESTION, [replace(WELL, health=Health(status="degraded"))]).chosen == "dynex"


def test_who_names_a_backend_goes_there_or_nowhere() -> None:
    assert list_candidates("ibm", ("dynex", "dwave")) == ("ibm",)
    assert list_candidates("auto", ("dynex", "dwave", "dynex")) == ("dynex", "dwave")
    decision = decide(QUESTION, [])
    assert (decision.chosen, decision.is_fallback, decision.reasons[0].rule) == (None, False, "priority")


def test_the_smaller_objective_wins_and_what_is_proven_holds_for_either() -> None:
    worse = judge_race(CLASSICAL, QUANTUM | {"objective": 6}, asked="dynex", backend="dynex")
    assert (worse["objective"], worse["race"]["winner"]) == (5, "classical")
    better = judge_race(CLASSICAL, QUANTUM | {"objective": 4}, asked="auto", backend="dynex")
    assert (better["objective"], better["race"]["winner"], better["bound"], better["gap"]) == (4, "dynex", 3, 0.25)
    best = judge_race(CLASSICAL, QUANTUM | {"objective": 3}, asked="auto", backend="dynex")
    assert (best["status"], best["gap"]) == ("optimal", 0)


def test_a_tie_goes_to_whom_was_asked_for() -> None:
    assert judge_race(CLASSICAL, QUANTUM, asked="auto", backend="dynex")["race"]["winner"] == "classical"
    assert judge_race(CLASSICAL, QUANTUM, asked="dynex", backend="dynex")["race"]["winner"] == "dynex"


def test_an_answer_without_a_solution_never_wins_against_one_with() -> None:
    nothing = QUANTUM | {"solution": None, "objective": None}
    assert judge_race(CLASSICAL, nothing, asked="dynex", backend="dynex")["race"]["winner"] == "classical"
    assert judge_race(nothing, QUANTUM, asked="dynex", backend="dynex")["race"]["winner"] == "dynex"
    assert judge_race(None, QUANTUM, asked="dynex", backend="dynex")["race"]["winner"] == "dynex"


async def test_an_override_holds_for_all_until_it_is_cleared_or_the_environment_changes(pool: Pool) -> None:
    old, new = Rules(priority=("simulator",)), Rules(priority=("classical",))
    async with pool.acquire() as conn:
        await announce_environment(conn, old)
        await set_priority(conn, [], reason="drill")
        await classical_only(conn, True, reason="drill")
        assert await read_rules(conn, old) == Rules(priority=(), classical_only=True)
        await announce_environment(conn, old)
        assert (await read_rules(conn, old)).priority == ()
        await announce_environment(conn, new)
        assert await read_latest_rules(conn) == Rules(priority=("classical",), classical_only=True)
        assert await clear_override(conn, "classical_only")
        assert not await clear_override(conn, "classical_only")
        assert await read_latest_rules(conn) == new


async def test_an_override_expires(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await classical_only(conn, True, reason="drill", expires_at=datetime.now(UTC))
        assert await read_rules(conn, Rules()) == Rules()


async def test_a_backend_that_is_put_last_is_still_in_use(pool: Pool) -> None:
    async with pool.acquire() as conn:
        assert await put_last(conn, "dynex", reason="a test") == ()
        await set_priority(conn, ["dynex", "ibm", "simulator"], reason="a test")
        assert await put_last(conn, "dynex", reason="another") == ("ibm", "simulator", "dynex")
        assert await put_last(conn, "braket", reason="another") == ("ibm", "simulator", "dynex")
        assert (await read_latest_rules(conn)).priority == ("ibm", "simulator", "dynex")
