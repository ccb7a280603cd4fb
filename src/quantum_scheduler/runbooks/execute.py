"""Execute runs, a task at a time: have done what one waits for, and write down what came of it in one transaction.

A worker holds the task by its lease. The transaction checks that it still does and that the run still waits for this,
writes the step and queues what follows; an action that stays in the database is done in the very same transaction. So
whatever is killed when, each step is done once, and another worker goes on with the next.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from quantum_scheduler.expressions.evaluate import UNKNOWN, Value, evaluate, evaluate_arguments
from quantum_scheduler.expressions.parse import Expression, parse_expression
from quantum_scheduler.incidents.look_up import find_incident
from quantum_scheduler.jobs.claim import hold_claim
from quantum_scheduler.jobs.model import Claim, Done, Outcome
from quantum_scheduler.jobs.solve import Bench
from quantum_scheduler.monitoring.metric import Table
from quantum_scheduler.monitoring.snapshot import LiveMetrics
from quantum_scheduler.postgres.connect import Connection, Pool, transient
from quantum_scheduler.postgres.listen import notify_once
from quantum_scheduler.runbooks import store
from quantum_scheduler.runbooks.actions.call import call_action, drop_unknown
from quantum_scheduler.runbooks.actions.desk import Desk, Parts
from quantum_scheduler.runbooks.actions.row import Action
from quantum_scheduler.runbooks.actions.table import find_action
from quantum_scheduler.runbooks.carry import move_run
from quantum_scheduler.runbooks.event import Broke, Evaluated, Event, Returned, Woken
from quantum_scheduler.runbooks.run_model import Run
from quantum_scheduler.runbooks.scope import RunScope, read_incident
from quantum_scheduler.runbooks.shelf import read_plan

ACTION_TIMEOUT_S = 150.0
REASON_CHARS_MAX = 500

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What runs are executed with."""

    parts: Parts
    table: Table

    async def perform(self, bench: Bench, claim: Claim) -> Outcome:
        """Do what the task of a run is about; a handler of tasks."""
        assert claim.payload is not None
        async with bench.pool.acquire() as conn:
            run = await store.find(conn, claim.payload["run"])
        if run is not None and _is_awaited(run, claim.payload):
            await _Errand(self, bench.pool, claim, run).do()
        return Done()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """An action with its arguments, ready to be called."""

    action: Action
    arguments: list[Value]
    keywords: dict[str, Value]


class _Errand:
    """One task of one run."""

    def __init__(self, engine: Engine, pool: Pool, claim: Claim, run: Run) -> None:
        assert claim.payload is not None
        self._parts = engine.parts
        self._table = engine.table
        self._pool = pool
        self._claim = claim
        self._run = run
        self._payload = claim.payload
        self._pc: int = claim.payload["pc"]
        self._notices: list[tuple[str, str]] = []

    async def do(self) -> None:
        if "call" in self._payload:
            await self._call(parse_expression(self._payload["call"], 0))
        elif "expressions" in self._payload:
            expressions = [parse_expression(each, 0) for each in self._payload["expressions"]]
            scope = await self._open_scope()
            values = tuple([await self._evaluate(each, scope) for each in expressions])
            await self._commit(Evaluated(pc=self._pc, look=self._payload["look"], values=values))
        else:
            await self._commit(Woken(pc=self._pc, look=self._payload["look"]))

    async def _call(self, call: Expression) -> None:
        try:
            name, arguments, keywords = await evaluate_arguments(call, await self._open_scope())
            action = find_action(name)
            asked = _Asked(action=action, arguments=arguments, keywords=drop_unknown(action, keywords))
        except Exception as error:
            await self._commit(self._explain(error))
            return
        if asked.action.leaves_home:
            await self._commit(await self._call_outside(asked))
        else:
            await self._commit(asked)

    async def _call_outside(self, asked: _Asked) -> Event:
        try:
            async with asyncio.timeout(ACTION_TIMEOUT_S), self._pool.acquire() as conn:
                return Returned(pc=self._pc, value=await self._do(conn, self._run, asked))
        except TimeoutError:
            return Broke(pc=self._pc, reason=f"{asked.action.name} did not end within {ACTION_TIMEOUT_S:g} s")
        except Exception as error:
            return self._explain(error)

    async def _call_inside(self, conn: Connection, run: Run, asked: _Asked) -> Event:
        """Call an action in the transaction; what it has changed is taken back where it fails."""
        try:
            async with conn.transaction():
                return Returned(pc=self._pc, value=await self._do(conn, run, asked))
        except Exception as error:
            return self._explain(error)

    async def _do(self, conn: Connection, run: Run, asked: _Asked) -> Any:
        incident = None if run.incident_id is None else await find_incident(conn, run.incident_id)
        runbook = read_plan(run.document, run.runbook).runbook
        desk = Desk(
            conn=conn,
            key=f"{run.id}:{self._pc}",
            who="runbook",
            now=datetime.now(UTC),
            parts=self._parts,
            incident=incident,
            runbook=run.runbook,
            policy=runbook.on_call,
            notices=self._notices,
        )
        return await call_action(asked.action, desk, asked.arguments, asked.keywords)

    async def _commit(self, what: Event | _Asked) -> None:
        """Write down what has happened, if it is still ours to say and the run still waits for it."""
        async with self._pool.acquire() as conn:
            async with conn.transaction():
                run = await store.lock_run(conn, self._run.id)
                if run is None or not _is_awaited(run, self._payload) or not await hold_claim(conn, self._claim.fence):
                    log.info("runbook.stale", run=self._run.id, pc=self._pc)
                    return
                event = await self._call_inside(conn, run, what) if isinstance(what, _Asked) else what
                moved, notices = await move_run(conn, run, event, self._parts.audience, now=datetime.now(UTC))
            await notify_once(conn, [*notices, *self._notices])
        if moved.finished_at is not None:
            log.info("runbook.finished", run=moved.id, runbook=moved.runbook, status=moved.status)

    async def _open_scope(self) -> RunScope:
        return RunScope(
            run_id=self._run.id,
            runbook=self._run.runbook,
            results=self._run.state.results,
            incident=await read_incident(self._pool, self._run.incident_id),
            metrics=LiveMetrics(self._pool, self._table, now=lambda: datetime.now(UTC)),
            pool=self._pool,
            parts=self._parts,
            now=lambda: datetime.now(UTC),
        )

    async def _evaluate(self, expression: Expression, scope: RunScope) -> Value:
        try:
            return await evaluate(expression, scope)
        except Exception as error:
            if transient(error):
                raise
            log.exception("runbook.not_evaluated", expression=expression.text)
            return UNKNOWN

    def _explain(self, error: Exception) -> Broke:
        """Say why it could not be done; what passes by itself is raised, so that the task is done again."""
        if transient(error):
            raise error
        reason = " ".join(str(error).replace("\x00", "").split()) or type(error).__name__
        log.warning("runbook.step_broke", run=self._run.id, pc=self._pc, reason=reason)
        return Broke(pc=self._pc, reason=reason[:REASON_CHARS_MAX])


def _is_awaited(run: Run, payload: Any) -> bool:
    """Whether a run still waits for what a task would bring."""
    op = run.state.ops.get(payload["pc"])
    return run.finished_at is None and op is not None and payload.get("look", op.look) == op.look
