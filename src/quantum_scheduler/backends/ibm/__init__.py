"""IBM Quantum: one job with a grid of angles of a one-layer QAOA, through the sampler primitive."""

import hashlib
import importlib.util
import time
from collections.abc import Mapping
from typing import Any

from quantum_scheduler.backends.credentials import credential
from quantum_scheduler.backends.fit import explain_misfit
from quantum_scheduler.backends.ibm.device import (
    PRICE_SECOND_USD,
    Device,
    choose_device,
    estimate_seconds,
    qubits_of,
    read_devices,
    read_quotas,
)
from quantum_scheduler.backends.ibm.rest import IbmRest, find_account
from quantum_scheduler.backends.model import (
    Answer,
    BackendError,
    Capabilities,
    Estimate,
    Handle,
    Health,
    Limits,
    Poll,
    VendorQuota,
)
from quantum_scheduler.backends.qaoa.angles import choose_angles
from quantum_scheduler.backends.qaoa.candidates import Batch, answer_samples
from quantum_scheduler.backends.qaoa.ising import read_ising
from quantum_scheduler.backends.qaoa.limits import explain_density, read_shots
from quantum_scheduler.backends.spins import SpinModel
from quantum_scheduler.backends.understand import understood
from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.problem import Problem

REQUEST_TIMEOUT_S = 10.0
SUBMIT_TIMEOUT_S = 60.0
PAIRS = 20
SHOTS = 256  # of each pair of angles
SHOTS_MAX = 10_000
SDK = "qiskit_ibm_runtime"
MISSING = "ibm: the SDK is not installed: pip install 'quantum-scheduler[ibm]'"
RAN_TOO_LONG = 1305

STATES: dict[str, Any] = {
    "QUEUED": "queued",
    "RUNNING": "running",
    "COMPLETED": "done",
    "FAILED": "failed",
    "CANCELLED": "cancelled",
}


class IbmBackend:
    """Takes binary models of up to as many variables as the device has qubits."""

    name = "ibm"
    sdk = ("quantum_scheduler.backends.ibm.sampler", "dimod", "dwave.samplers")

    def __init__(self, *, timeout_s: float = REQUEST_TIMEOUT_S, submit_timeout_s: float = SUBMIT_TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._submit_timeout_s = submit_timeout_s
        self._device: Device | None = None
        self._opened: IbmRest | None = None

    def capabilities(self) -> Capabilities:
        """Say what the device takes: by its own word once it was asked, by the table before."""
        return Capabilities(
            problem_types=frozenset({"binary"}),
            variables_max=self._device.qubits if self._device else qubits_of(credential("IBM_BACKEND")),
            is_quantum=True,
            cancel="best_effort",
            idempotent_submit="search",
        )

    def estimate(self, problem: Problem, limits: Limits) -> Estimate:
        """Say what the one job costs pay-as-you-go."""
        executions = PAIRS * _shots()
        seconds = estimate_seconds(executions)
        why = explain_misfit(problem, self.capabilities()) or explain_density(problem)
        return Estimate(
            fits=not why,
            seconds=seconds,
            qpu_seconds=seconds,
            cost_usd=seconds * PRICE_SECOND_USD,
            billable={"jobs": 1, "executions": executions, "quantum_seconds": seconds},
            why=why,
        )

    def health(self, timeout_s: float) -> Health:
        """Ask for a token, the device's status and what is left of the instance's time, all within `timeout_s`."""
        if importlib.util.find_spec(SDK) is None:
            return Health(status="down", error="unavailable", message=MISSING)
        began_s = time.monotonic()
        rest: IbmRest | None = None
        quotas: tuple[VendorQuota, ...] = ()
        try:
            rest = IbmRest(find_account(), timeout_s=timeout_s, total_s=timeout_s)
            with understood(self.name):
                usage = rest.usage()
                quotas = read_quotas(usage)
                self._device = device = _check(rest, usage, qubits=1)
        except BackendError as error:
            return Health(status="down", error=error.kind, message=str(error), quotas=quotas)
        finally:
            if rest is not None:
                rest.close()
        latency_ms = (time.monotonic() - began_s) * 1000
        return Health(status="up", latency_ms=latency_ms, queue_depth=device.queue_depth, quotas=quotas)

    @understood(name)
    def submit(self, problem: Problem, limits: Limits, *, key: str) -> Handle:
        """Check that the device would run a job, for the service takes jobs either way, and submit one."""
        binary = self._take(problem)
        rest = self._rest()
        self._device = device = _check(rest, rest.usage(), qubits=len(binary.labels))
        sampler = _load_sampler()
        ising = read_ising(SpinModel(binary))
        shots, angles = _shots(), choose_angles(ising, pairs=PAIRS)
        order = sampler.Order(
            ising=ising,
            angles=angles,
            shots=shots,
            seed=limits.seed,
            device=device.name,
            tags=(_tag(key), _write_shape(len(angles), shots)),
            mark=_tag(key),
            seconds=estimate_seconds(len(angles) * shots),
        )
        job = sampler.submit_order(find_account(), order, timeout_s=self._submit_timeout_s)
        return {"job": job, "mark": order.mark, "pairs": len(angles), "shots": shots}

    @understood(name)
    def recover(self, key: str) -> Handle | None:
        """Look for the latest job that bears the key as a tag."""
        found = self._rest().find_job(_tag(key))
        if found is None:
            return None
        pairs, shots = _read_shape(found.get("tags", ()))
        return {"job": str(found["id"]), "mark": _tag(key), "pairs": pairs, "shots": shots}

    @understood(name)
    def poll(self, handle: Handle) -> Poll:
        """Read the job's state; the service tells no place in the queue."""
        return Poll(state=_state(self._rest().job(_job_of(handle))))

    @understood(name)
    def result(self, handle: Handle, problem: Problem) -> Answer:
        """Fetch the result. Raises BackendError of kind `integrity` where it is not that of the job."""
        binary = self._take(problem)
        sampler = _load_sampler()
        rest, job = self._rest(), _job_of(handle)
        described = rest.job(job)
        _expect_done(described)
        pairs, shots = int(handle["pairs"]), int(handle["shots"])
        batches = sampler.read_order_results(
            rest.results(job), pairs=pairs, shots=shots, qubits=len(binary.labels), mark=str(handle["mark"])
        )
        seconds = (rest.metrics(job).get("usage") or {}).get("qpu_charge_time_seconds")
        model = SpinModel(binary)
        angles = choose_angles(read_ising(model), pairs=pairs)
        info = {
            "method": "QAOA of one layer, then steepest descent",
            "device": described["backend"],
            "vendor_id": job,
            "qpu_seconds": seconds,
            "cost_usd": None if seconds is None else seconds * PRICE_SECOND_USD,
        }
        paired = [Batch(angles=pair, bits=bits) for pair, bits in zip(angles, batches, strict=True)]
        return answer_samples(binary, model, paired, info)

    def cancel(self, handle: Handle) -> None:
        """Cancel the job; one that has ended is left as it is."""
        self._rest().cancel(_job_of(handle))

    def close(self) -> None:
        """Let go of the connections; safe to repeat."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _rest(self) -> IbmRest:
        if self._opened is None:
            self._opened = IbmRest(find_account(), timeout_s=self._timeout_s)
        return self._opened

    def _take(self, problem: Problem) -> BinaryProblem:
        """Take a binary model that fits. Raises BackendError."""
        if not isinstance(problem, BinaryProblem):
            raise BackendError("invalid", f"{self.name} takes binary models only")
        why = explain_misfit(problem, self.capabilities()) or explain_density(problem)
        if why:
            raise BackendError("too_large", f"{self.name}: {why}")
        return problem


def _check(rest: IbmRest, usage: Mapping[str, Any], *, qubits: int) -> Device:
    """Choose the device and see that it runs jobs and that there is time left to run them.

    The service says nothing and takes jobs for devices that are offline and for instances that have no time left.
    Raises BackendError.
    """
    device = choose_device(read_devices(rest.devices()), name=credential("IBM_BACKEND"), qubits=qubits)
    status = rest.status(device.name)
    if not status.get("state") or status.get("status") != "active":
        raise BackendError("offline", f"ibm: {device.name} is {status.get('message') or status.get('status')}")
    if usage.get("usage_limit_reached"):
        raise BackendError("quota", "ibm: the instance has used up its time")
    return device


def _load_sampler() -> Any:
    """Import what needs the SDK: 4 seconds, and only where it is used. Raises BackendError where it is missing."""
    try:
        from quantum_scheduler.backends.ibm import sampler  # noqa: PLC0415
    except ImportError as error:
        raise BackendError("unavailable", MISSING) from error
    return sampler


def _expect_done(job: Mapping[str, Any]) -> None:
    """Raise BackendError with the service's reason where the job has no result."""
    if _state(job) == "done":
        return
    state = job["state"]
    reason = state.get("reason") or f"the job is {state['status']}"
    code = state.get("reason_code") or state.get("reasonCode")
    raise BackendError("timeout" if code == RAN_TOO_LONG else "job_failed", f"ibm: {reason}")


def _state(job: Mapping[str, Any]) -> Any:
    status = str(job["state"]["status"]).upper()
    # "Cancelled - Ran too long" is the device's doing.
    return STATES.get(status) or ("failed" if status.startswith("CANCELLED") else "running")


def _shots() -> int:
    return read_shots("IBM_SHOTS", default=SHOTS, most=SHOTS_MAX)


def _tag(key: str) -> str:
    """Make a tag, which may have 86 characters, out of any key."""
    return f"quantum-scheduler-{hashlib.sha256(key.encode()).hexdigest()[:40]}"


def _write_shape(pairs: int, shots: int) -> str:
    return f"quantum-scheduler-{pairs}x{shots}"


def _read_shape(tags: Any) -> tuple[int, int]:
    """Read the pairs and shots off a job's tags. Raises BackendError."""
    for tag in tags:
        pairs, cross, shots = str(tag).removeprefix("quantum-scheduler-").partition("x")
        if cross and pairs.isdigit() and shots.isdigit():
            return int(pairs), int(shots)
    raise BackendError("integrity", "ibm: the job bears the key and not its shape")


def _job_of(handle: Handle) -> str:
    job = handle.get("job")
    if not isinstance(job, str) or not job:
        raise BackendError("job_failed", "ibm: the handle names no job")
    return job
