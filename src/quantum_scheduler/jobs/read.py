"""Read what a customer submits: a problem and how to solve it, each checked once."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from quantum_scheduler.backends.fit import MethodUnknown
from quantum_scheduler.backends.load import BackendUnknown, list_backends
from quantum_scheduler.backends.model import AUTO
from quantum_scheduler.jobs.document import JobOptions, JobRequest
from quantum_scheduler.jobs.model import NewJob
from quantum_scheduler.problems.assemble import assemble_document
from quantum_scheduler.problems.binary import BinaryDocument
from quantum_scheduler.problems.body import RequestInvalid, read_fields, read_object
from quantum_scheduler.problems.explain import explain
from quantum_scheduler.problems.fingerprint import fingerprint
from quantum_scheduler.problems.model import Issue, ProblemInvalid
from quantum_scheduler.problems.problem import Problem
from quantum_scheduler.problems.read import describe_problem, read_document, write_document
from quantum_scheduler.problems.schedule import ScheduleProblem
from quantum_scheduler.problems.validate import check_schedule
from quantum_scheduler.solving.choose import check_method, choose_backend
from quantum_scheduler.solving.model import SolveRequest
from quantum_scheduler.solving.routing_model import QUANTUM


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A problem that makes sense, as our JSON, and how it is to be solved.

    `digest` is the same for every way to write the same request: other white space, other order, defaults left out.
    """

    options: JobOptions
    problem_document: bytes
    fingerprint: str
    summary: Mapping[str, Any]
    digest: str

    def to_new_job(self, *, idempotency_key: str | None) -> NewJob:
        """The job to queue."""
        options = self.options
        return NewJob(
            problem_document=self.problem_document,
            fingerprint=self.fingerprint,
            summary=self.summary,
            name=options.name,
            backend=options.backend,
            method=options.method,
            time_limit_s=options.time_limit_s,
            seed=options.seed,
            priority=options.priority,
            deadline_s=options.deadline_s,
            idempotency_key=idempotency_key,
            request_digest=None if idempotency_key is None else self.digest,
            use_cache=options.use_cache,
            max_cost_usd=options.max_cost_usd,
        )


def read_submission(body: bytes) -> Submission:
    """Read the body of a submission. Raises as `read_request` does."""
    options, problem = read_request(body)
    document = write_document(problem)
    return Submission(
        options=options,
        problem_document=document,
        fingerprint=fingerprint(problem),
        summary=describe_problem(problem),
        digest=_digest(options, document),
    )


def read_request(body: bytes) -> tuple[JobOptions, Problem]:
    """Read a problem and how it is to be solved, in one pass over the body.

    Raises BodyMalformed, RequestInvalid; ProblemInvalid, ProblemTooLarge with their fields under `problem`.
    """
    try:
        request = JobRequest.model_validate_json(body)
    except ValidationError as error:
        raise _find_fault(body, error) from None
    if request.backend not in (AUTO, QUANTUM, *list_backends()):
        raise RequestInvalid(Issue(field="backend", reason=str(BackendUnknown(request.backend))))
    try:
        problem = _finish(request.problem)
    except ProblemInvalid as error:
        raise _under_problem(error) from None
    _check_method(request, problem)
    return request, problem


def _find_fault(body: bytes, error: ValidationError) -> Exception:
    """Say of a body that was refused which part is at fault, by reading the parts one after the other."""
    fields = read_object(body)
    if "problem" not in fields:
        return RequestInvalid(Issue(field="problem", reason="is missing"))
    problem = fields.pop("problem")
    try:
        read_fields(JobOptions, fields)
        read_document(to_json(problem))
    except RequestInvalid as fault:
        return fault
    except ProblemInvalid as fault:
        return _under_problem(fault)
    return RequestInvalid(*explain(error).issues)


def _finish(document: ScheduleProblem | BinaryDocument) -> Problem:
    """Check what no single field can tell."""
    if isinstance(document, BinaryDocument):
        return assemble_document(document)
    check_schedule(document)
    return document


def _check_method(options: JobOptions, problem: Problem) -> None:
    """Raise RequestInvalid where the backend has no such method; `auto` asks for none and loads no backend."""
    if options.method == AUTO:
        return
    if options.backend == QUANTUM:
        raise RequestInvalid(Issue(field="method", reason="only a backend that is named has methods"))
    with closing(choose_backend(SolveRequest(backend=options.backend))) as backend:
        try:
            check_method(backend, problem, options.method)
        except MethodUnknown as error:
            raise RequestInvalid(Issue(field="method", reason=str(error))) from None


def _under_problem(fault: ProblemInvalid) -> ProblemInvalid:
    issues = (
        Issue(field=f"problem.{issue.field}" if issue.field else "problem", reason=issue.reason)
        for issue in fault.issues
    )
    return type(fault)(*issues)


def _digest(options: JobOptions, document: bytes) -> str:
    said = json.dumps(options.model_dump(exclude={"problem"}), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(said.encode() + b"\n" + document).hexdigest()
