"""Dynex: its network of CPUs and GPUs, and its QPU, through the gRPC interface of its SDK.

Its samplers are not used: with `preprocess` they solve on this machine and say nothing of it, they repeat submissions
without a pause, and they resubmit empty answers.
"""

import time
from contextlib import suppress
from typing import Any

from quantum_scheduler.backends.dynex import job
from quantum_scheduler.backends.dynex.access import Access, open_channel, read_access, read_compute, refusal
from quantum_scheduler.backends.dynex.follow import follow_job
from quantum_scheduler.backends.fit import explain_misfit
from quantum_scheduler.backends.model import (
    Answer,
    BackendError,
    Capabilities,
    Estimate,
    Handle,
    Health,
    Limits,
    Poll,
)
from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.problem import Problem

# As Dynex claims for its network.
VARIABLES_MAX = 1_000_000
# What an Apollo QPU is offered with.
QPU_VARIABLES_MAX = 10_000
SUBMIT_TIMEOUT_S = 60.0
RESULT_TIMEOUT_S = 30.0
CALL_TIMEOUT_S = 15.0
# How long a poll listens for news after the first event has come.
QUIET_S = 0.5
OVERHEAD_S = 5.0
NANO = 1e9

# `ListAtomics` of a job that cannot exist, encoded by hand: to load the SDK takes eight seconds and 200 MB, and health
# is asked in the API process.
HEALTH_METHOD = "/dynex.sdk.v2.SDK/ListAtomics"
NO_JOB = b"\x0a\x2400000000-0000-0000-0000-000000000000"


class DynexBackend:
    """The account that DYNEX_SDK_KEY belongs to. DYNEX_COMPUTE_BACKEND says whether cpu, gpu or qpu is used."""

    name = "dynex"
    sdk = ("dynex.proto.sdk_pb2_grpc", "dynex.proto.sampleset_batch_pb2")

    def __init__(self) -> None:
        self._compute = read_compute()

    def capabilities(self) -> Capabilities:
        """Say that it takes binary models, and that it cannot tell what was submitted under a key."""
        return Capabilities(
            problem_types=frozenset({"binary"}),
            variables_max=QPU_VARIABLES_MAX if self._compute == "qpu" else VARIABLES_MAX,
            is_quantum=self._compute == "qpu",
            cancel="best_effort",
            idempotent_submit="none",
        )

    def estimate(self, problem: Problem, limits: Limits) -> Estimate:
        """Say how long it takes; Dynex names its price when the job is created."""
        why = explain_misfit(problem, self.capabilities())
        count = len(problem.labels) if isinstance(problem, BinaryProblem) else 0
        solving_s = job.estimate_solving_s(count, self._compute, limits.time_limit_s)
        return Estimate(
            fits=not why,
            seconds=OVERHEAD_S + solving_s,
            qpu_seconds=solving_s if self._compute == "qpu" else 0.0,
            billable={"jobs": 1.0},
            why=why,
        )

    def health(self, timeout_s: float) -> Health:
        """Ask for the workers of a job that does not exist: whoever says so is up, and knows the key."""
        began_s = time.monotonic()
        try:
            access = read_access(self._compute)
            with open_channel(access) as channel:
                _ask_for_nothing(channel, access, timeout_s)
        except BackendError as error:
            return Health(status="down", error=error.kind, message=str(error))
        return Health(status="up", latency_ms=1000 * (time.monotonic() - began_s))

    def submit(self, problem: Problem, limits: Limits, *, key: str) -> Handle:
        """Create a job with the model, once."""
        if not isinstance(problem, BinaryProblem):
            raise BackendError("invalid", "dynex takes binary models only")
        access = read_access(self._compute)
        with open_channel(access) as channel:
            requests = job.write_requests(problem, access, key)
            created = _open_stub(channel).CreateJob(requests, metadata=access.metadata(), timeout=SUBMIT_TIMEOUT_S)
        price = created.real_price_per_block / NANO
        return {"job": created.job_id, "compute": self._compute, "price_per_block": price}

    def recover(self, key: str) -> Handle | None:
        """Find nothing: Dynex cannot be asked what was submitted under a key."""
        return None

    def poll(self, handle: Handle) -> Poll:
        """Listen for a moment to what Dynex tells of the job."""
        access, job_id = _read_handle(handle)
        with open_channel(access) as channel:
            stub = _open_stub(channel)
            return follow_job(stub, job_id, access, timeout_s=CALL_TIMEOUT_S, quiet_s=QUIET_S).tell()

    def result(self, handle: Handle, problem: Problem) -> Answer:
        """Read the samples and check their energies, which Dynex's own SDK takes as they are."""
        if not isinstance(problem, BinaryProblem):
            raise BackendError("invalid", "dynex takes binary models only")
        access, job_id = _read_handle(handle)
        with open_channel(access) as channel:
            stub = _open_stub(channel)
            story = follow_job(stub, job_id, access, timeout_s=RESULT_TIMEOUT_S, quiet_s=RESULT_TIMEOUT_S)
            state = story.tell().state
            if state == "failed":
                raise refusal("job_failed", story.error or f"the job is {story.state}", access)
            if state != "done":
                raise refusal("job_failed" if state == "cancelled" else "unavailable", f"the job is {state}", access)
            info = {
                "method": f"Dynex {access.compute}",
                "job_id": job_id,
                "price_per_block": handle.get("price_per_block"),
            }
            envelopes = [story.envelopes[index] for index in sorted(story.envelopes)]
            answer = job.read_envelopes(problem, envelopes, access, info)
            _finish(stub, job_id, access, answer)
            return answer

    def cancel(self, handle: Handle) -> None:
        """Ask Dynex to stop the job."""
        from dynex.proto import sdk_pb2  # noqa: PLC0415  a backend that is not used costs nothing

        access, job_id = _read_handle(handle)
        with open_channel(access) as channel:
            request = sdk_pb2.CancelJobRequest(job_id=job_id)
            _open_stub(channel).CancelJob(request, metadata=access.metadata(), timeout=CALL_TIMEOUT_S)

    def close(self) -> None:
        """Do nothing: no channel outlives its call."""


def _read_handle(handle: Handle) -> tuple[Access, str]:
    """The job, and access to the machines that it was submitted to, whatever is configured now."""
    job_id, compute = handle.get("job"), handle.get("compute")
    if not isinstance(job_id, str) or compute not in job.READS:
        raise BackendError("job_failed", "dynex: this is no handle of a job at Dynex")
    return read_access(compute), job_id


def _open_stub(channel: Any) -> Any:
    from dynex.proto import sdk_pb2_grpc  # noqa: PLC0415

    return sdk_pb2_grpc.SDKStub(channel)


def _finish(stub: Any, job_id: str, access: Access, answer: Answer) -> None:
    """Let the workers go, which are paid by the block; that this fails changes nothing for the answer."""
    import grpc  # noqa: PLC0415
    from dynex.proto import sdk_pb2  # noqa: PLC0415

    request = sdk_pb2.FinishJobRequest(job_id=job_id, min_energy=float(answer.claimed_objective or 0))
    with suppress(grpc.RpcError):
        stub.FinishJob(request, metadata=access.metadata(), timeout=CALL_TIMEOUT_S)


def _ask_for_nothing(channel: Any, access: Access, timeout_s: float) -> None:
    """Raises BackendError, or RpcError, where the answer is not that there is no such job."""
    import grpc  # noqa: PLC0415

    call = channel.unary_unary(HEALTH_METHOD)
    try:
        call(NO_JOB, metadata=access.metadata(), timeout=timeout_s)
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.NOT_FOUND:
            raise
