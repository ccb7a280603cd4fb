"""People in a drill: they answer what a run asks as the runbook's own drills say that people answer."""

from collections.abc import Collection
from datetime import datetime

import structlog

from quantum_scheduler.incidents.paging.announce import Audience
from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.postgres.listen import notify_once
from quantum_scheduler.runbooks.answer import Speaker, answer_run
from quantum_scheduler.runbooks.gates import NONE_OF_THESE, find_roles
from quantum_scheduler.runbooks.model import Answer, Runbook
from quantum_scheduler.runbooks.plan import Plan
from quantum_scheduler.runbooks.run_model import AnswerRefused, Run
from quantum_scheduler.runbooks.shelf import read_plan
from quantum_scheduler.runbooks.state import Op

# Whoever no drill of the runbook speaks of consents after so long.
AFTER_S = 60.0
RETRY = "retry"
# People do not give up on a step in a drill, and reject nothing.
UNHELPFUL = frozenset({"abort", "reject", NONE_OF_THESE})

log = structlog.get_logger(__name__)


class People:
    """Those who answer the gates of a drill's runs, `pace` times as soon as they would in earnest."""

    def __init__(self, runbook: Runbook, audience: Audience, *, pace: float) -> None:
        self._said = [each for drill in runbook.drills for each in drill.answers if each.answer not in UNHELPFUL]
        self._audience = audience
        self._pace = pace
        self._retried: set[str] = set()

    async def answer(self, conn: Connection, run: Run, *, now: datetime) -> list[str]:
        """Answer whatever is due, and tell it. Opens transactions."""
        told = []
        plan = read_plan(run.document, run.runbook)
        for op in run.state.gates():
            said = choose_answer(plan, op, self._said, retried=self._retried)
            if said is None or now.timestamp() < op.since_s + said.after_s * self._pace:
                continue
            role = find_roles(plan, op)[0]
            speaker = Speaker(by=f"drill: {said.by}", role=role)
            try:
                async with conn.transaction():
                    _, notices = await answer_run(conn, run.id, op.step, said.answer, speaker, self._audience, now=now)
            except AnswerRefused as error:  # the run went on meanwhile
                log.info("drill.not_answered", step=op.step, reason=str(error))
                continue
            await notify_once(conn, notices)
            if said.answer == RETRY:
                self._retried.add(op.step)
            told.append(f"{said.by} ({role}) answers {plan.title(op.step)}: {said.answer}")
        return told


def choose_answer(plan: Plan, op: Op, said: list[Answer], *, retried: Collection[str] = ()) -> Answer | None:
    """Choose what people say at a gate: what a drill of the runbook says, or else the first helpful option.

    What has been `retried` once is not retried again.
    """
    for each in said:
        if plan.find_key(each.step) == op.step and each.answer in op.options:
            return each
    unhelpful = UNHELPFUL | ({RETRY} if op.step in retried else set())
    helpful = next((each for each in op.options if each not in unhelpful), None)
    return None if helpful is None else Answer(step=op.step, answer=helpful, by="somebody", after_s=AFTER_S)
