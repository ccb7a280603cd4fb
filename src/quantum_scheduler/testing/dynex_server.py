"""Dynex's gRPC service on loopback: it takes jobs, tells their events and answers with packed samples.

The messages and the servicer are those of Dynex's own SDK; the samples come from simulated annealing.
"""

import base64
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NoReturn
from uuid import uuid4

import dimod
import numpy as np

from quantum_scheduler.testing.anneal import anneal
from quantum_scheduler.testing.background import Background
from quantum_scheduler.testing.faults import SLOW_S, Fault, FaultSwitch
from quantum_scheduler.testing.port import Submission

HOST = "127.0.0.1"
KEY = "dynex-loopback-0123456789"
RETRY_AFTER_S = 7
PRICE_NANO = 25_000_000
THREADS = 32
HEARTBEAT_S = 0.2
MESSAGE_BYTES_MAX = 50 * 2**20

# For the faults that hit every call: gRPC's status, and Dynex's words.
REFUSALS: dict[Fault, tuple[str, str]] = {
    "rate_limit": ("RESOURCE_EXHAUSTED", "rate limit exceeded"),
    "server_error": ("INTERNAL", "internal error"),
    "auth": ("UNAUTHENTICATED", "invalid API key"),
    "offline": ("UNAVAILABLE", "the platform is offline for maintenance"),
    "dropped": ("UNAVAILABLE", "Connection reset by peer"),
}


@dataclass(kw_only=True)
class _Job:
    id: str
    options: Any
    data: Any
    cancelled: bool = False
    work: Background[bytes] = field(default_factory=Background)


class DynexServer:
    """A stand-in for Dynex's network."""

    name = "dynex"

    def __init__(self) -> None:
        self.switch = FaultSwitch()
        self._jobs: dict[str, _Job] = {}
        self._stopping = threading.Event()
        self._server: Any = None
        self._port = 0

    def start(self, port: int = 0) -> None:
        """Listen on `port`, or on any that is free. Raises OSError where it is taken."""
        import grpc  # noqa: PLC0415  the SDK is there when the stand-in is started
        from dynex.proto import sdk_pb2_grpc  # noqa: PLC0415

        self._stopping.clear()
        # Two servers must not share a port, which gRPC would let them.
        options = [("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX)]
        self._server = grpc.server(ThreadPoolExecutor(THREADS), options=options)
        sdk_pb2_grpc.add_SDKServicer_to_server(_Service(self), self._server)
        try:
            self._port = self._server.add_insecure_port(f"{HOST}:{port}")
        except RuntimeError as error:
            raise OSError(f"port {port} is taken") from error
        self._server.start()

    def environment(self) -> Mapping[str, str]:
        """Point the SDK and the adapter here."""
        return {"DYNEX_GRPC_ENDPOINT": f"{HOST}:{self._port}", "DYNEX_SDK_KEY": KEY}

    def submissions(self) -> tuple[Submission, ...]:
        """List the jobs, oldest first; Dynex knows no keys."""
        return tuple(Submission(vendor_id=each.id, key=None) for each in self._jobs.values())

    def stop(self) -> None:
        """Stop listening and forget everything; safe to repeat."""
        self.switch.set("none")  # who waits for the end of a fault goes on
        self._stopping.set()
        if self._server is not None:
            self._server.stop(grace=None).wait()
            self._server = None
        self._jobs.clear()

    def admit(self, context: Any) -> Fault:
        """Refuse the call where the fault or the key says so; return the fault that holds."""
        fault = self.switch.fault()
        if fault == "slow":
            self._stopping.wait(SLOW_S)
        if dict(context.invocation_metadata()).get("authorization") != f"Bearer {KEY}":
            _refuse(context, *REFUSALS["auth"])
        if fault == "rate_limit":
            context.set_trailing_metadata((("retry-after", str(RETRY_AFTER_S)),))
        if fault in REFUSALS:
            _refuse(context, *REFUSALS[fault])
        return fault

    def take(self, options: Any, data: Any) -> _Job:
        """Keep a new job."""
        job = _Job(id=str(uuid4()), options=options, data=data)
        self._jobs[job.id] = job
        return job

    def find(self, job_id: str, context: Any) -> _Job:
        """Find a job, or say that there is none."""
        return self._jobs.get(job_id) or _refuse(context, "NOT_FOUND", "no such job")

    def wait(self, seconds: float) -> bool:
        """Wait, and say whether the server stops."""
        return self._stopping.wait(seconds)


class _Service:
    """The calls of `dynex.sdk.v2.SDK` that clients make."""

    def __init__(self, server: DynexServer) -> None:
        from dynex.proto import sdk_pb2, solution_envelope_pb2  # noqa: PLC0415

        self._server = server
        self._messages = sdk_pb2
        self._envelope = solution_envelope_pb2.SolutionEnvelope

    def CreateJob(self, requests: Iterator[Any], context: Any) -> Any:  # noqa: N802  the names are the protocol's
        fault = self._server.admit(context)
        if fault == "quota":
            _refuse(context, "RESOURCE_EXHAUSTED", "insufficient balance")
        parts = {request.WhichOneof("payload"): request for request in requests}
        if set(parts) != {"init", "job_data"}:
            _refuse(context, "INVALID_ARGUMENT", "unsupported payload")
        job = self._server.take(parts["init"].init.opts, parts["job_data"].job_data)
        self._server.switch.outlast("late")
        return self._messages.CreateJobReply(job_id=job.id, real_price_per_block=PRICE_NANO)

    def SubscribeJob(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        fault = self._server.admit(context)
        job = self._server.find(request.job_id, context)
        event = self._messages.JobEvent
        types = event.Type
        status = self._messages.JobStatus
        if job.cancelled:
            yield event(job_id=job.id, seq=1, type=types.JOB_STATUS, status=status(state="CANCELLED"))
            return
        yield event(job_id=job.id, seq=1, type=types.JOB_STATUS, status=status(state="RUNNING"))
        if fault == "job_failed":
            error = self._messages.ErrorInfo(code="SOLVER", message="the worker gave up")
            yield event(job_id=job.id, seq=2, type=types.ERROR, error=error)
            return
        while fault == "stuck" and context.is_active():
            yield event(job_id=job.id, seq=1, type=types.HEARTBEAT)
            if self._server.wait(HEARTBEAT_S):
                return
        job.work.begin(lambda: _sample(job, wrong=fault == "wrong_energy"))
        while not job.work.wait(HEARTBEAT_S):
            if not context.is_active():
                return
        if job.work.result is None:
            error = self._messages.ErrorInfo(code="SOLVER", message=job.work.error)
            yield event(job_id=job.id, seq=2, type=types.ERROR, error=error)
            return
        envelope = self._envelope(
            job_id=job.id,
            kind="inline",
            name="samples",
            data=base64.b64encode(job.work.result).decode(),
            valid=True,
            format="sampleset-batch-v1",
        )
        yield event(job_id=job.id, seq=2, type=types.SOLUTION_NEW, envelope=envelope)

    def CancelJob(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._server.admit(context)
        job = self._server.find(request.job_id, context)
        job.cancelled = job.work.result is None
        return self._messages.CancelJobReply(job_id=job.id)

    def FinishJob(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._server.admit(context)
        return self._messages.FinishJobReply(job_id=self._server.find(request.job_id, context).id)

    def UpdateJob(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._server.admit(context)
        return self._messages.UpdateJobReply(job_id=self._server.find(request.job_id, context).id)

    def ListAtomics(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._server.admit(context)
        self._server.find(request.job_id, context)
        return self._messages.ListAtomicsReply()

    def DownloadSolution(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        self._server.admit(context)
        job = self._server.find(request.job_id, context)
        if job.work.result is None:
            _refuse(context, "NOT_FOUND", "no solution yet")
        yield self._messages.SolutionChunk(data=job.work.result)


def _refuse(context: Any, code: str, message: str) -> NoReturn:
    import grpc  # noqa: PLC0415

    context.abort(getattr(grpc.StatusCode, code), message)
    raise AssertionError("abort has raised")


def _sample(job: _Job, *, wrong: bool) -> bytes:
    """Anneal a job's model and pack the best reads; `wrong` has every energy claimed too low."""
    from dynex.proto import sampleset_batch_pb2  # noqa: PLC0415

    model = dimod.BinaryQuadraticModel(job.data.num_vars, dimod.BINARY)
    for row, column, value in zip(job.data.row, job.data.col, job.data.val, strict=True):
        if row == column:
            model.add_linear(row, value)
        else:
            model.add_quadratic(row, column, value)
    model.offset = job.data.offset
    reads = anneal(model, job.options.num_reads).record
    best = np.argsort(reads.energy, kind="stable")[: max(1, job.options.rank)]
    energies = reads.energy[best] - (1 + np.abs(reads.energy[best]) / 10 if wrong else 0)
    batch = sampleset_batch_pb2.SampleSetBatch(
        num_variables=job.data.num_vars,
        packed_voltages=np.packbits(reads.sample[best] > 0, axis=1, bitorder="little").tobytes(),
        energies=energies.tolist(),
    )
    return bytes(batch.SerializeToString())
