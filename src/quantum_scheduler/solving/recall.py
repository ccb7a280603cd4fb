"""Remember good answers and give them again to whoever asks the same.

An answer serves the organisation it was given to, for an equal fingerprint: always when it is proven optimal, else
when it was found within at least the time limit asked for. The seed asked for does not matter, because a seed only
chooses among answers of the same worth; whoever wants that very seed's answer says `use_cache: false`. `auto` and
`classical` share their answers; any other backend answers only for itself, and so does a method that was asked for.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.solving.model import SolveRequest
from quantum_scheduler.solving.store import solution as store
from quantum_scheduler.solving.store.solution import StoredSolution

SOLUTIONS_MAX = 10_000
# A larger result costs more to keep than it is likely to save.
RESULT_MAX_BYTES = 256 * 1024
REMEMBERED = frozenset({"optimal", "feasible"})


async def recall_result(
    conn: Connection, org_id: UUID, fingerprint: str, request: SolveRequest
) -> Mapping[str, Any] | None:
    """Find a result that answers the request, as it was stored; check it with `recheck` before it is believed."""
    return await store.find_solution(
        conn, org_id, fingerprint, _serve(request.backend, request.method), request.time_limit_s
    )


async def remember_results(conn: Connection, results: Sequence[tuple[UUID, Mapping[str, Any]]]) -> None:
    """Keep the results that are worth it, each for its organisation, and drop the oldest over `SOLUTIONS_MAX`."""
    solutions = [_solution(org_id, result) for org_id, result in results if _is_worth_keeping(result)]
    if solutions:
        await store.store_solutions(conn, solutions)
        await store.evict_solutions(conn, count_max=SOLUTIONS_MAX)


async def forget_result(conn: Connection, org_id: UUID, fingerprint: str, request: SolveRequest) -> None:
    """Drop what `recall_result` would find."""
    await store.forget_solution(conn, org_id, fingerprint, _serve(request.backend, request.method))


def _serve(backend: str, method: str) -> str:
    """The name under which a backend's answers by a method are kept."""
    name = "classical" if backend == "auto" else backend
    return name if method == "auto" else f"{name}:{method}"


def _is_worth_keeping(result: Mapping[str, Any]) -> bool:
    return (
        result["status"] in REMEMBERED
        and result["solution"] is not None
        and len(json.dumps(result)) <= RESULT_MAX_BYTES
    )


def _solution(org_id: UUID, result: Mapping[str, Any]) -> StoredSolution:
    return StoredSolution(
        org_id=org_id,
        fingerprint=result["fingerprint"],
        backend=_serve(result["backend"], result.get("method", "auto")),
        time_limit_s=result["time_limit_s"],
        status=result["status"],
        objective=result["objective"],
        result={name: value for name, value in result.items() if name != "race"},  # that was another job's
    )
