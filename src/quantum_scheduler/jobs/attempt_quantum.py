"""Have quantum backends try a job: choose one, submit, follow it by its handle, and go on to the next where it fails.

The handle is committed as soon as the vendor has given it, so that any worker can take the attempt up again.
"""

import asyncio
import dataclasses
import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from quantum_scheduler.accounts.quota.model import QuotaExceeded
from quantum_scheduler.accounts.quota.reserve import note_refusal
from quantum_scheduler.backends.load import is_local
from quantum_scheduler.backends.model import BackendError, ErrorKind
from quantum_scheduler.jobs.attempt_model import Answered, ClaimLost, Handle, Lost, Waiting
from quantum_scheduler.jobs.model import SolveClaim, submission_key
from quantum_scheduler.jobs.quantum_bench import QuantumBench
from quantum_scheduler.jobs.retry import RETRIED_KINDS
from quantum_scheduler.jobs.solve import Bench, compute_answer
from quantum_scheduler.jobs.store import job as job_store
from quantum_scheduler.jobs.store import task as task_store
from quantum_scheduler.secrets.reveal import reveal_surely
from quantum_scheduler.solving import attempt
from quantum_scheduler.solving.call import Credentials
from quantum_scheduler.solving.model import SolveRequest
from quantum_scheduler.solving.port import ComputeCrashed, ComputeFailed, ComputeTimedOut, ComputeUnavailable
from quantum_scheduler.solving.routing_model import Decision, Ending, Rules

# After these a submission may have arrived all the same.
DOUBTFUL_KINDS = frozenset({"timeout", "unavailable"})
POLL_MIN_S = 0.02
POLL_MAX_S = 1.0
# While it waits at the vendor it is asked again after so much of its age.
ASK_AGAIN_SHARE = 0.2
ASK_AGAIN_MIN_S = 1.0
ASK_AGAIN_MAX_S = 30.0
# What it is called where a rule keeps a job from every quantum backend and nothing is wrong with any.
REFUSAL_KINDS: Mapping[str, str] = {
    "fit": "too_large",
    "quota": "quota_exceeded",
    "budget": "budget",
    "deadline": "deadline",
}


@dataclass(slots=True, eq=False, kw_only=True)
class QuantumAttempt:
    """The quantum side of a race. It raises what the database raises, and ClaimLost; no vendor's failure.

    Whoever waits sets `leave` to have it come back with `Waiting` rather than wait on, `is_last` to have it try no
    further backend, and `is_abandoned` when nobody waits any more. `outruns` says how often the backend was late;
    `tried` names the backends that have failed the job in this claim, `short` those that the plan has no time left for.
    """

    bench: Bench
    quantum: QuantumBench
    claim: SolveClaim
    rules: Rules
    document: bytes
    request: SolveRequest
    leave: asyncio.Event = field(default_factory=asyncio.Event)
    is_last: bool = False
    is_abandoned: bool = False
    outruns: int = 0
    _handle: Handle | None = None
    tried: dict[str, str] = field(default_factory=dict)
    short: dict[str, str] = field(default_factory=dict)
    _lost: Lost | None = None

    async def run(self) -> Answered | Waiting | Lost:
        """Attempt until a backend answers, or is to be waited for, or none is left."""
        await self._resume(may_submit=True)
        while True:
            came: Answered | Waiting | None = None
            if self._handle is None:
                if self._lost is not None and self.is_last:
                    return self._lost
                decision = await self._choose()
                if decision.chosen is None:
                    return self._lost or _explain(decision)
                if is_local(decision.chosen):
                    came = await self._compute(decision, decision.chosen)
                else:
                    await self._submit(decision, decision.chosen)
            if self._handle is not None:
                came = await self._follow(self._handle)
            if came is not None:
                return came

    async def stop(self, state: Literal["cancelled", "outrun", "failed"], message: str = "") -> None:
        """Stop at the vendor what it has or may have, if it still can; the attempt ends in `state`."""
        if self._handle is None:
            await self._resume(may_submit=False)
        handle = self._handle
        if handle is None:
            return
        await self._cancel(handle)
        async with self.bench.pool.acquire() as conn:
            ending = Ending(state=state, message=message)
            await attempt.end_unanswered(conn, handle.backend, handle.attempt_id, ending)

    async def _resume(self, *, may_submit: bool) -> None:
        """Find what an earlier claim has submitted, or may have; where that cannot be told, it counts as lost."""
        if self.claim.handle is not None:
            self._handle = Handle.of(self.claim.handle)
            return
        if self.claim.submitting_at is None:
            return
        key = submission_key(self.claim.task_id, self.claim.submitting_at)
        async with self.bench.pool.acquire() as conn:
            known = await attempt.find_attempt(conn, key)
        if known is None or known.backend is None or known.ended_at is not None:
            return
        try:
            found = await self._say("recover", known.backend, key=_dump(key))
        except BackendError as error:
            await self._lose(known.backend, known.id, error, is_doubtful=True)
            return
        if found["handle"] is not None:
            await self._keep(known.backend, known.id, found["handle"])
        elif found["means"] == "token" and may_submit:
            await self._say_submit(known.backend, known.id, key)  # the same key is the same submission
        elif found["means"] == "none":
            message = "the worker died while it submitted, and the vendor cannot tell whether it arrived"
            await self._lose(known.backend, known.id, BackendError("unavailable", message), is_doubtful=True)
        else:
            async with self.bench.pool.acquire() as conn:
                never = Ending(state="cancelled", message="the worker died before it arrived")
                await attempt.end_unanswered(conn, known.backend, known.id, never)

    async def _choose(self) -> Decision:
        """Choose where to go and take the place there; what keeps the job from any quantum backend is written down."""
        while True:
            async with self.bench.pool.acquire() as conn:
                question, candidates = await attempt.consider(
                    conn,
                    asked=self.claim.backend,
                    job_id=self.claim.job_id,
                    rules=self.rules,
                    deadline_left_s=self.claim.deadline_left_s,
                    tried=self.tried,
                    short=self.short,
                    loading=self.quantum.prepare(self.rules.priority),
                )
                if attempt.is_open(question, candidates):
                    budget = await job_store.read_budget(conn, self.claim.job_id)
                    question = dataclasses.replace(
                        question, max_cost_usd=self.quantum.max_cost_usd if budget is None else budget
                    )
            candidates = await attempt.appraise(
                question, candidates, self.quantum.wire, self._credentials, self.document, _dump_request(self.request)
            )
            async with self.bench.pool.acquire() as conn:
                decision = await attempt.take_place(conn, question, candidates, is_first=self._lost is None)
            if decision is not None:
                chosen = [candidate.breaker.outruns for candidate in candidates if candidate.name == decision.chosen]
                self.outruns = max(chosen, default=0)
                return decision

    async def _submit(self, decision: Decision, backend: str) -> None:
        if self.is_abandoned:
            raise ClaimLost
        try:
            async with self.bench.pool.acquire() as conn, conn.transaction():
                submitting_at = await task_store.begin_submission(conn, self.claim.fence)
                if submitting_at is None:
                    raise ClaimLost
                key = submission_key(self.claim.task_id, submitting_at)
                attempt_id = await attempt.open_attempt(conn, self.claim.org_id, self.claim.job_id, key, decision)
        except QuotaExceeded as refusal:
            await self._do_without(backend, refusal)
        else:
            await self._say_submit(backend, attempt_id, key)

    async def _do_without(self, backend: str, refusal: QuotaExceeded) -> None:
        """Note that the plan has too little left for a backend; the next choice is made without it."""
        self.short[backend] = str(refusal)
        # A plan without quantum computers has nothing that could be used up.
        if any(each.amount for each in refusal.shortages):
            async with self.bench.pool.acquire() as conn, conn.transaction():
                await note_refusal(conn, refusal)

    async def _say_submit(self, backend: str, attempt_id: int, key: str) -> None:
        try:
            said = await self._say(
                "submit", backend, problem=self.document, request=_dump_request(self.request), key=_dump(key)
            )
        except BackendError as error:
            said = await self._look_for(backend, key) if error.kind in DOUBTFUL_KINDS else {"means": "search"}
            if said.get("handle") is None:
                await self._lose(backend, attempt_id, error, is_doubtful=said["means"] == "none")
                return
        await self._keep(backend, attempt_id, said["handle"])

    async def _look_for(self, backend: str, key: str) -> dict[str, Any]:
        """Ask whether a submission arrived of which the vendor did not say so."""
        try:
            return await self._say("recover", backend, key=_dump(key))
        except BackendError:
            return {"means": "none"}

    async def _keep(self, backend: str, attempt_id: int, vendor: Mapping[str, Any]) -> None:
        """Commit the handle. Where the job has gone on without it, stop it there."""
        async with self.bench.pool.acquire() as conn, conn.transaction():
            now = await attempt.note_submitted(conn, attempt_id)
            handle = Handle(backend=backend, attempt_id=attempt_id, submitted_at=now, vendor=vendor)
            is_ours = await task_store.note_handle(conn, self.claim.fence, handle.document())
        self._handle = handle
        if self.is_abandoned:
            await self.stop("outrun")
        if not is_ours:
            raise ClaimLost

    async def _follow(self, handle: Handle) -> Answered | Waiting | None:
        """Ask until it has ended, or whoever waits wants to leave; None where it failed."""
        loop = asyncio.get_running_loop()
        async with self.bench.pool.acquire() as conn:
            age_s = (await attempt.read_clock(conn) - handle.submitted_at).total_seconds()
        submitted_s, pause_s = loop.time() - age_s, POLL_MIN_S
        while True:
            rest_s = 0.0
            try:
                answered = await self._ask(handle)
            except BackendError as error:
                if error.kind not in RETRIED_KINDS:
                    await self._lose(handle.backend, handle.attempt_id, error)
                    return None
                # The work goes on there, however long nobody can be asked about it.
                async with self.bench.pool.acquire() as conn:
                    await attempt.note_failure(conn, handle.backend, error, chance=self.bench.chance())
                rest_s, answered = error.retry_after_s or ASK_AGAIN_MIN_S, None
            if answered is not None:
                return answered
            age_s = loop.time() - submitted_s
            left_s = self.quantum.timeout_s - age_s
            if left_s <= 0:
                await self._cancel(handle)
                late = BackendError("timeout", f"{handle.backend} had no answer after {self.quantum.timeout_s:g} s")
                await self._lose(handle.backend, handle.attempt_id, late)
                return None
            if self.leave.is_set():
                delay_s = max(ASK_AGAIN_MIN_S, min(age_s * ASK_AGAIN_SHARE, ASK_AGAIN_MAX_S), rest_s)
                return Waiting(handle=handle, delay_s=min(delay_s, left_s))
            with suppress(TimeoutError):
                await asyncio.wait_for(self.leave.wait(), min(max(pause_s, rest_s), left_s))
            pause_s = min(2 * pause_s, POLL_MAX_S)

    async def _ask(self, handle: Handle) -> Answered | None:
        """Ask once how it stands, and fetch the answer where there is one. Raises BackendError."""
        said = await self._say("poll", handle.backend, handle=_dump(handle.vendor))
        if said["state"] in ("queued", "running"):
            async with self.bench.pool.acquire() as conn:
                await attempt.note_position(conn, handle.attempt_id, said["queue_position"])
            return None
        if said["state"] == "cancelled":
            raise BackendError("job_failed", f"{handle.backend} cancelled the submission")
        said = await self._say(
            "fetch",
            handle.backend,
            handle=_dump(handle.vendor),
            problem=self.document,
            request=_dump_request(self.request),
        )
        return await self._win(handle.backend, handle.attempt_id, said["result"])

    async def _compute(self, decision: Decision, backend: str) -> Answered | None:
        """Have a backend answer that computes in our own processes; there is nothing to follow, and none to lose."""
        async with self.bench.pool.acquire() as conn:
            attempt_id = await attempt.open_attempt(conn, self.claim.org_id, self.claim.job_id, None, decision)
        request = dataclasses.replace(self.request, backend=backend)
        try:
            result = await compute_answer(self.bench, self.claim, request, self.document, on_progress=_tell_nobody)
        except (ComputeFailed, ComputeTimedOut, ComputeCrashed, ComputeUnavailable) as error:
            kind: ErrorKind = "integrity" if getattr(error, "kind", "") == "integrity" else "job_failed"
            await self._lose(backend, attempt_id, BackendError(kind, str(error)))
            return None
        return await self._win(backend, attempt_id, result)

    async def _win(self, backend: str, attempt_id: int, result: Mapping[str, Any]) -> Answered:
        info = result["info"]
        qpu_s = info.get("qpu_seconds")
        ending = Ending(
            state="answered",
            objective=result["objective"],
            cost_usd=info.get("cost_usd"),
            qpu_ms=None if qpu_s is None else math.ceil(qpu_s * 1000),
        )
        async with self.bench.pool.acquire() as conn:
            await attempt.end_attempt(conn, backend, attempt_id, ending, chance=self.bench.chance())
        self.quantum.troubled.pop(backend, None)
        return Answered(backend=backend, attempt_id=attempt_id, result=result)

    async def _lose(self, backend: str, attempt_id: int, error: BackendError, *, is_doubtful: bool = False) -> None:
        ending = Ending(state="doubtful" if is_doubtful else "failed", kind=error.kind, message=str(error))
        async with self.bench.pool.acquire() as conn:
            await attempt.end_attempt(
                conn, backend, attempt_id, ending, chance=self.bench.chance(), retry_after_s=error.retry_after_s
            )
        self._handle = None
        self.quantum.troubled[backend] = asyncio.get_running_loop().time()
        self.tried[backend] = f"{error.kind}: {error}"
        self._lost = Lost(
            backend=backend,
            kind=error.kind,
            message=str(error),
            is_trouble=True,
            is_doubtful=is_doubtful,
            retry_after_s=error.retry_after_s,
        )

    async def _cancel(self, handle: Handle) -> None:
        # That the vendor cannot be told changes nothing for the job.
        with suppress(BackendError):
            await self._say("cancel", handle.backend, handle=_dump(handle.vendor))

    async def _say(self, function: str, backend: str, **parts: bytes) -> dict[str, Any]:
        return await self.quantum.wire.say(function, backend, await self._credentials(backend), **parts)

    async def _credentials(self, backend: str) -> Credentials:
        async with self.bench.pool.acquire() as conn:
            return await reveal_surely(conn, self.quantum.find_keyring, backend)


def _explain(decision: Decision) -> Lost:
    """Say in one line why no quantum backend was asked."""
    reason = decision.reasons[0]
    message = "; ".join(f"{each.backend}: {each.why}" for each in decision.reasons)
    kind = "unavailable" if decision.is_fallback else REFUSAL_KINDS.get(reason.rule, "unavailable")
    return Lost(backend=reason.backend, kind=kind, message=message, is_trouble=decision.is_fallback)


def _dump(value: Any) -> bytes:
    return json.dumps(value).encode()


def _dump_request(request: SolveRequest) -> bytes:
    return _dump(dataclasses.asdict(request))


def _tell_nobody(_progress: Mapping[str, Any]) -> None:
    """Of two sides only the classical one tells how far it is."""
