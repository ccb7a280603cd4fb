"""Write down attempts at quantum backends: why one was chosen, what became of it, and what its breaker learns by it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from quantum_scheduler.accounts.quota.model import Need
from quantum_scheduler.accounts.quota.reserve import reserve_quota, settle_part
from quantum_scheduler.backends.model import BackendError
from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.solving.breaker import enter, record_outcome, record_outrun
from quantum_scheduler.solving.call import Credentials, Wire
from quantum_scheduler.solving.route import decide, list_candidates, refuse
from quantum_scheduler.solving.routing_model import Attempt, Candidate, Decision, Ending, Question, Rules
from quantum_scheduler.solving.store import attempt as store
from quantum_scheduler.solving.store import breaker as breaker_store

# What a backend said of itself longer ago is no reason against it.
HEALTH_FRESH_S = 60.0
ATTEMPTS_LISTED_MAX = 100
# A job that has ended may have an attempt that is still being stopped for so long.
STRAY_AFTER_S = 300.0


async def consider(
    conn: Connection,
    *,
    asked: str,
    job_id: UUID,
    rules: Rules,
    deadline_left_s: float | None,
    tried: Mapping[str, str],
    short: Mapping[str, str],
    loading: frozenset[str],
) -> tuple[Question, list[Candidate]]:
    """Gather what the routing of a job is decided on, but for its budget and what adapters say of the problem."""
    names = list_candidates(asked, rules.priority)
    now, states = await breaker_store.find_backends_now(conn, names, fresh_s=HEALTH_FRESH_S)
    question = Question(
        asked=asked,
        job_id=job_id,
        now=now,
        classical_only=rules.classical_only,
        deadline_left_s=deadline_left_s,
        tried=tried,
        short=short,
        loading=loading,
    )
    return question, [
        Candidate(name=state.name, breaker=state.breaker, share=state.share, health=state.health) for state in states
    ]


def is_open(question: Question, candidates: Sequence[Candidate]) -> bool:
    """Whether any of the candidates is worth asking about the problem."""
    return any(refuse(question, candidate) is None for candidate in candidates)


async def appraise(
    question: Question,
    candidates: Sequence[Candidate],
    wire: Wire,
    find_credentials: Callable[[str], Awaitable[Credentials]],
    problem: bytes,
    request: bytes,
) -> list[Candidate]:
    """Ask the adapters of the candidates, in order, until one takes the problem; those refused anyway are not asked."""
    appraised: list[Candidate] = list(candidates)
    for place, candidate in enumerate(candidates):
        if refuse(question, candidate) is None:
            credentials = await find_credentials(candidate.name)
            said = await wire.appraise(candidate.name, credentials, problem, request)
            appraised[place] = replace(candidate, appraisal=said)
            if refuse(question, appraised[place]) is None:
                break
    return appraised


async def take_place(
    conn: Connection, question: Question, candidates: Sequence[Candidate], *, is_first: bool
) -> Decision | None:
    """Decide, and pass the breaker of the chosen one; None where another job has just taken the place it had.

    Where none is chosen and nothing was tried before, the reasons are written down.
    """
    decision = decide(question, candidates)
    if decision.chosen is None:
        if is_first:
            await store.skip(conn, question.job_id, decision)
        return decision
    chosen = next(candidate for candidate in candidates if candidate.name == decision.chosen)
    return decision if await enter(conn, chosen.breaker) else None


async def open_attempt(conn: Connection, org_id: UUID, job_id: UUID, key: str | None, decision: Decision) -> int:
    """Write that an attempt begins, under the key of its submission where there is one; return its number.

    What it may take of a quantum computer's time is reserved. Raises QuotaExceeded where the plan has not as much left;
    the transaction must then be rolled back.
    """
    attempt_id = await store.open_attempt(conn, job_id, key, decision)
    if decision.qpu_ms:
        await reserve_quota(conn, org_id, [Need(job_id=job_id, meter="qpu_ms", amount=decision.qpu_ms)])
    return attempt_id


async def note_submitted(conn: Connection, attempt_id: int) -> datetime:
    """Write that the vendor has it, and return the database's time."""
    await store.note_submitted(conn, attempt_id)
    return await breaker_store.read_clock(conn)


async def note_position(conn: Connection, attempt_id: int, queue_position: int | None) -> None:
    """Write where in the vendor's queue it is."""
    await store.note_position(conn, attempt_id, queue_position)


async def note_failure(conn: Connection, backend: str, error: BackendError, *, chance: float) -> None:
    """Tell a backend's breaker of a call that failed while the attempt goes on."""
    await record_outcome(
        conn, backend, chance=chance, kind=error.kind, message=str(error), retry_after_s=error.retry_after_s
    )


async def end_attempt(
    conn: Connection,
    backend: str,
    attempt_id: int,
    ending: Ending,
    *,
    chance: float,
    retry_after_s: float | None = None,
) -> None:
    """Write how an attempt ended, tell the breaker, and free what was reserved for it but what it used."""
    async with conn.transaction():
        ended = await store.end_attempt(conn, attempt_id, ending)
        await record_outcome(
            conn, backend, chance=chance, kind=ending.kind, message=ending.message, retry_after_s=retry_after_s
        )
        if ended is not None:
            await settle_part(conn, ended)


async def end_unanswered(conn: Connection, backend: str, attempt_id: int, ending: Ending) -> None:
    """Write that an attempt was stopped before it was answered: no fault of its backend's, and it costs nothing."""
    async with conn.transaction():
        ended = await store.end_attempt(conn, attempt_id, ending)
        await record_outrun(conn, backend, is_outrun=ending.state == "outrun")
        if ended is not None:
            await settle_part(conn, ended)


async def note_race(conn: Connection, attempt_id: int, classical_objective: float | None, winner: str) -> None:
    """Write what an answer was compared with, and who won."""
    await store.note_race(conn, attempt_id, classical_objective, winner)


async def find_attempt(conn: Connection, key: str) -> Attempt | None:
    """Find the attempt that was submitted under a key."""
    return await store.find_attempt(conn, key)


async def list_attempts(conn: Connection, job_id: UUID) -> list[Attempt]:
    """List a job's attempts, the first one first."""
    return await store.list_attempts(conn, job_id, count_max=ATTEMPTS_LISTED_MAX)


async def list_doubtful(conn: Connection) -> list[Attempt]:
    """List the attempts that may have been charged without anybody knowing, the last one first."""
    return await store.list_doubtful(conn, count_max=ATTEMPTS_LISTED_MAX)


async def end_strays(conn: Connection) -> None:
    """End the attempts whose jobs have ended, and which nobody follows any more because their worker died."""
    await store.end_strays(conn, after_s=STRAY_AFTER_S)


async def read_clock(conn: Connection) -> datetime:
    """The database's time, by which all workers go."""
    return await breaker_store.read_clock(conn)
