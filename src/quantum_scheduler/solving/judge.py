"""Judge a race: the best verified answer wins, whoever found it."""

from collections.abc import Mapping
from typing import Any

import structlog

from quantum_scheduler.solving.compute import CLAIM_TOLERANCE, measure_gap
from quantum_scheduler.solving.routing_model import AUTO, CLASSICAL

# Of these answers nothing can be better.
PROVEN = frozenset({"optimal", "infeasible"})

log = structlog.get_logger(__name__)

Result = Mapping[str, Any]


def is_proven(result: Result) -> bool:
    """Whether no other answer can be better than this one."""
    return result["status"] in PROVEN


def judge_race(classical: Result | None, quantum: Result | None, *, asked: str, backend: str) -> Result:
    """Return the better of two answers to one problem, at least one of which there is, with both in its `race`.

    Of answers that are worth the same, whoever asked for quantum gets the quantum one. What the classical side has
    proven of the problem holds for either.
    """
    race = {"backend": backend, "quantum": _sketch(quantum), "classical": _sketch(classical)}
    if quantum is None or quantum["solution"] is None:
        winner = classical or quantum
        assert winner is not None, "a race without a finisher has no winner"
    elif classical is None or classical["solution"] is None:
        winner = quantum
    else:
        winner = _compare(classical, quantum, asked=asked)
    name = CLASSICAL if winner is classical else backend
    if winner is quantum and classical is not None:
        winner = _lend_bound(quantum, classical)
    return {**winner, "race": race | {"winner": name}}


def _compare(classical: Result, quantum: Result, *, asked: str) -> Result:
    margin = CLAIM_TOLERANCE * max(1, abs(classical["objective"]))
    if abs(quantum["objective"] - classical["objective"]) <= margin:
        return classical if asked == AUTO else quantum
    return min(classical, quantum, key=lambda result: result["objective"])


def _lend_bound(quantum: Result, classical: Result) -> Result:
    """Give a quantum answer the bound that the classical search has proven."""
    bound, objective = classical["bound"], quantum["objective"]
    if bound is None or objective is None:
        return quantum
    margin = CLAIM_TOLERANCE * max(1, abs(objective))
    if objective < bound - margin:
        log.error("race.bound_broken", bound=bound, objective=objective, fingerprint=quantum["fingerprint"])
        return quantum
    status = "optimal" if objective <= bound + margin else quantum["status"]
    return {
        **quantum,
        "bound": min(bound, objective),
        "gap": measure_gap(objective, min(bound, objective)),
        "status": status,
    }


def _sketch(result: Result | None) -> dict[str, Any] | None:
    """What a race tells of one side."""
    if result is None:
        return None
    return {name: result[name] for name in ("status", "objective", "seconds")}
