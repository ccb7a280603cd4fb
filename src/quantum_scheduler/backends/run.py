"""Run one problem on one backend, from submission to answer."""

import time
from collections.abc import Callable

from quantum_scheduler.backends.model import Answer, BackendError, Handle, Limits, Poll, Progress
from quantum_scheduler.backends.port import Backend
from quantum_scheduler.problems.problem import Problem

# Beyond the time limit: what loading a solver, building its model and handing over the answer may take.
GRACE_S = 30.0
# How long a cancelled submission may take to hand over its best so far.
CANCEL_GRACE_S = 5.0
# It is asked again after so much of its age, so no answer lies there for longer than that.
POLL_SHARE = 0.2
POLL_MIN_S = 0.001
POLL_MAX_S = 0.1


def never() -> bool:
    """Stop for nothing but the limits."""
    return False


def run_backend(
    backend: Backend,
    problem: Problem,
    limits: Limits,
    *,
    key: str,
    report: Callable[[Progress], None],
    stopped: Callable[[], bool] = never,
    grace_s: float = GRACE_S,
    cancel_grace_s: float = CANCEL_GRACE_S,
) -> Answer:
    """Submit under `key`, poll every `POLL_MAX_S` (sooner at first), report what is new, and fetch the answer.

    A submission is cancelled when `stopped` says so, when it is not done `grace_s` after the time limit, and when
    anything is raised here; it has `cancel_grace_s` to hand over its best so far.
    Raises BackendError, of kind `timeout` where it does not.
    """
    deadline_s = time.monotonic() + limits.time_limit_s + grace_s
    late = f"{backend.name} was not done {grace_s:g} s after the limit of {limits.time_limit_s:g} s"
    handle = backend.submit(problem, limits, key=key)
    try:
        poll = _wait(backend, handle, deadline_s=deadline_s, report=report, stopped=stopped)
        if poll.state in ("queued", "running"):
            backend.cancel(handle)
            cancelled_s = time.monotonic() + cancel_grace_s
            poll = _wait(backend, handle, deadline_s=cancelled_s, report=report, stopped=never)
    except BaseException:
        _cancel_quietly(backend, handle)
        raise
    if poll.state in ("done", "failed"):
        return backend.result(handle, problem)
    if poll.state == "cancelled" and time.monotonic() >= deadline_s:
        raise BackendError("timeout", f"{late}, and was cancelled")
    if poll.state == "cancelled":
        raise BackendError("job_failed", f"{backend.name} cancelled the submission")
    raise BackendError("timeout", late)


def _wait(
    backend: Backend,
    handle: Handle,
    *,
    deadline_s: float,
    report: Callable[[Progress], None],
    stopped: Callable[[], bool],
) -> Poll:
    """Poll until the submission is neither queued nor running, or it is to stop, or the deadline has come."""
    reported: Progress | None = None
    began_s = time.monotonic()
    while True:
        poll = backend.poll(handle)
        if poll.progress is not None and poll.progress != reported:
            reported = poll.progress
            report(reported)
        now_s = time.monotonic()
        if poll.state not in ("queued", "running") or stopped() or now_s >= deadline_s:
            return poll
        time.sleep(min(max(POLL_MIN_S, POLL_SHARE * (now_s - began_s)), POLL_MAX_S))


def _cancel_quietly(backend: Backend, handle: Handle) -> None:
    """Cancel what nobody waits for any more; that this fails too changes nothing for the caller."""
    try:
        backend.cancel(handle)
    except BackendError:
        return
