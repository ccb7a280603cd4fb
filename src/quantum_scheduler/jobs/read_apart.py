"""Read large submissions in a process of their own, because reading one would hold up everybody else's request."""

import json
from collections.abc import Callable
from typing import Any

from quantum_scheduler.jobs.document import JobOptions
from quantum_scheduler.jobs.read import Submission, read_submission
from quantum_scheduler.problems.body import BodyMalformed, RequestInvalid
from quantum_scheduler.problems.model import Issue, ProblemInvalid, ProblemTooLarge
from quantum_scheduler.solving.port import ComputeTimedOut, Executor

# Reading this much takes some ten milliseconds; what is larger is worth handing over.
INLINE_BYTES_MAX = 32 * 1024
TIMEOUT_S = 60.0
MEMORY_MB = 4096

_WITH_ISSUES = {fault.__name__: fault for fault in (RequestInvalid, ProblemInvalid, ProblemTooLarge)}


async def read_submission_apart(executor: Executor, body: bytes) -> Submission:
    """Read the body of a submission without holding up the event loop for more than some ten milliseconds.

    Raises as `read_submission` does.
    """
    if len(body) <= INLINE_BYTES_MAX:
        return read_submission(body)
    head, document = split_answer(await run_apart(executor, f"{__name__}:answer_submission", body))
    return Submission(
        options=JobOptions.model_validate(head["options"]),
        problem_document=document,
        fingerprint=head["fingerprint"],
        summary=head["summary"],
        digest=head["digest"],
    )


def answer_submission(body: bytes, report: Callable[[bytes], None]) -> bytes:
    """Read a submission for the process that asked: `split_answer` turns the answer into what was read."""
    return join_answer(lambda: _pack(read_submission(body)))


async def run_apart(executor: Executor, function: str, body: bytes) -> bytes:
    """Run a function that reads a body. Raises ProblemTooLarge where that takes too long."""
    try:
        return await executor.run(function, body, timeout_s=TIMEOUT_S, memory_mb=MEMORY_MB)
    except ComputeTimedOut:
        raise ProblemTooLarge(Issue(field="problem", reason=f"takes more than {TIMEOUT_S:g} s to read")) from None


def join_answer(read: Callable[[], tuple[dict[str, Any], bytes]]) -> bytes:
    """Write what `read` returns, or the fault it finds, as a line of JSON and the bytes after it."""
    try:
        head, rest = read()
    except (RequestInvalid, ProblemInvalid) as fault:
        issues = [[issue.field, issue.reason] for issue in fault.issues]
        head, rest = {"fault": type(fault).__name__, "issues": issues}, b""
    except BodyMalformed as fault:
        head, rest = {"fault": type(fault).__name__, "message": str(fault)}, b""
    return json.dumps(head).encode() + b"\n" + rest


def split_answer(answer: bytes) -> tuple[dict[str, Any], bytes]:
    """Read what `join_answer` wrote, and raise the fault if it was one."""
    line, _, rest = answer.partition(b"\n")
    head: dict[str, Any] = json.loads(line)
    if "message" in head:
        raise BodyMalformed(head["message"])
    if "fault" in head:
        raise _WITH_ISSUES[head["fault"]](*(Issue(field=field, reason=reason) for field, reason in head["issues"]))
    return head, rest


def _pack(submission: Submission) -> tuple[dict[str, Any], bytes]:
    head = {
        "options": submission.options.model_dump(exclude={"problem"}),
        "fingerprint": submission.fingerprint,
        "summary": submission.summary,
        "digest": submission.digest,
    }
    return head, submission.problem_document
