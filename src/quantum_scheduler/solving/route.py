"""Decide where a job goes. `RULES` is the whole of it: the first candidate that no rule refuses is chosen."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from quantum_scheduler.solving.breaker import explain_refusal, is_in_share
from quantum_scheduler.solving.routing_model import AUTO, QUANTUM, Candidate, Decision, Question, Reason

Refusal = Callable[[Question, Candidate], str]


@dataclass(frozen=True, slots=True)
class Rule:
    """Says why a candidate may not take a job, or nothing. Where it `is_trouble`, the job falls back on classical."""

    name: str
    is_trouble: bool
    refuse: Refusal


def _refuse_mode(question: Question, _candidate: Candidate) -> str:
    return "everything is solved classically now" if question.classical_only else ""


def _refuse_tried(question: Question, candidate: Candidate) -> str:
    return question.tried.get(candidate.name, "")


def _refuse_breaker(question: Question, candidate: Candidate) -> str:
    return explain_refusal(candidate.breaker, question.now)


def _refuse_health(_question: Question, candidate: Candidate) -> str:
    health = candidate.health
    return f"{health.error or 'down'}: {health.message}" if health is not None and health.status == "down" else ""


def _refuse_loading(question: Question, candidate: Candidate) -> str:
    is_loading = question.asked == AUTO and candidate.name in question.loading
    return "its SDK is being imported here, for which no job of `auto` waits" if is_loading else ""


def _refuse_share(question: Question, candidate: Candidate) -> str:
    if is_in_share(candidate.name, candidate.share, question.job_id):
        return ""
    return f"it gets {candidate.share} % of the jobs, and this is not one of them"


def _refuse_error(_question: Question, candidate: Candidate) -> str:
    return candidate.appraisal.error if candidate.appraisal is not None else ""


def _refuse_fit(_question: Question, candidate: Candidate) -> str:
    known = candidate.appraisal
    return known.why or "it does not fit" if known is not None and not known.fits else ""


def _refuse_quota(question: Question, candidate: Candidate) -> str:
    return question.short.get(candidate.name, "")


def _refuse_budget(question: Question, candidate: Candidate) -> str:
    known, most = candidate.appraisal, question.max_cost_usd
    if known is None or most is None:
        return ""
    if known.cost_usd is None:
        return f"its price is not known beforehand, and the job may cost {most:g} USD"
    return f"it would cost {known.cost_usd:g} USD, and may cost {most:g}" if known.cost_usd > most else ""


def _refuse_deadline(question: Question, candidate: Candidate) -> str:
    known, left_s = candidate.appraisal, question.deadline_left_s
    if known is None or left_s is None or known.seconds <= left_s:
        return ""
    return f"it would take {known.seconds:.1f} s, and {max(left_s, 0):.1f} s are left"


RULES: tuple[Rule, ...] = (
    #    name        trouble?  refuses where
    Rule("mode", False, _refuse_mode),  # an operator wants everything solved classically
    Rule("tried", True, _refuse_tried),  # it has failed this very job
    Rule("breaker", True, _refuse_breaker),  # it failed others lately, or was closed off by hand
    Rule("health", True, _refuse_health),  # it said that it is down
    Rule("loading", False, _refuse_loading),  # this worker learns to talk to it just now
    Rule("share", False, _refuse_share),  # it gets only some of the jobs
    Rule("quota", False, _refuse_quota),  # the plan has too little left of a quantum computer's time
    # What only its adapter can tell of this problem:
    Rule("error", True, _refuse_error),  # the adapter cannot be used: its SDK or its key is missing
    Rule("fit", False, _refuse_fit),  # the problem is more than it takes
    Rule("budget", False, _refuse_budget),  # it would cost more than the job may
    Rule("deadline", False, _refuse_deadline),  # it would take longer than the job has
)

NO_CANDIDATES = "QUANTUM_BACKEND_PRIORITY names no backend"


def list_candidates(asked: str, priority: Sequence[str]) -> tuple[str, ...]:
    """Name the quantum backends that a job may go to, the preferred one first."""
    return tuple(dict.fromkeys(priority)) if asked in (AUTO, QUANTUM) else (asked,)


def refuse(question: Question, candidate: Candidate) -> Reason | None:
    """Give the first reason why a candidate may not take the job, None where it may."""
    for rule in RULES:
        why = rule.refuse(question, candidate)
        if why:
            return Reason(backend=candidate.name, rule=rule.name, why=why)
    return None


def decide(question: Question, candidates: Sequence[Candidate]) -> Decision:
    """Choose the first candidate that no rule refuses, and say why the others before it were not."""
    reasons: list[Reason] = []
    for candidate in candidates:
        reason = refuse(question, candidate)
        if reason is None:
            known = candidate.appraisal
            why = "" if known is None or known.cost_usd is None else f"for {known.cost_usd:g} USD"
            chosen = Reason(backend=candidate.name, rule="chosen", why=why)
            return Decision(
                asked=question.asked,
                chosen=candidate.name,
                reasons=(*reasons, chosen),
                cost_usd=None if known is None else known.cost_usd,
                qpu_ms=0 if known is None else math.ceil(known.qpu_seconds * 1000),
            )
        reasons.append(reason)
    if not candidates:
        reasons.append(Reason(backend=question.asked, rule="priority", why=NO_CANDIDATES))
    troubles = {rule.name for rule in RULES if rule.is_trouble}
    is_fallback = any(reason.rule in troubles for reason in reasons)
    return Decision(asked=question.asked, chosen=None, reasons=tuple(reasons), is_fallback=is_fallback)
