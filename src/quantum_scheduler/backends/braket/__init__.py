"""Amazon Braket: one task of a one-layer QAOA on a gate device or a simulator, in OpenQASM 3, through boto3."""

import hashlib
import json
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from quantum_scheduler.backends.braket.calls import BraketCalls
from quantum_scheduler.backends.braket.device import OPENQASM, SV1, Device, look_up_device, read_device, read_quotas
from quantum_scheduler.backends.braket.results import fingerprint_program, read_results
from quantum_scheduler.backends.credentials import credential
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
    VendorQuota,
)
from quantum_scheduler.backends.qaoa.angles import choose_angles
from quantum_scheduler.backends.qaoa.candidates import Batch, answer_samples
from quantum_scheduler.backends.qaoa.ising import read_ising
from quantum_scheduler.backends.qaoa.limits import explain_density, read_shots
from quantum_scheduler.backends.qaoa.openqasm import write_openqasm
from quantum_scheduler.backends.spins import SpinModel
from quantum_scheduler.backends.understand import understood
from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.problem import Problem

REQUEST_TIMEOUT_S = 10.0
SHOTS = 1_000
SHOTS_MAX = 100_000
SCHEMA_PROVIDERS = frozenset({"ionq", "oqc", "rigetti"})  # all others take the simulators'
S3_PREFIX = "quantum-scheduler"
TAG_KEY, TAG_PROGRAM = "quantum-scheduler-key", "quantum-scheduler-program"
# What a task takes besides its shots, which hardware does about a thousand of in a second.
TASK_SECONDS = 5.0
SHOT_SECONDS = 0.001

STATES: dict[str, Any] = {
    "CREATED": "queued",
    "QUEUED": "queued",
    "RUNNING": "running",
    "CANCELLING": "running",
    "COMPLETED": "done",
    "FAILED": "failed",
    "CANCELLED": "cancelled",
}


class BraketBackend:
    """Takes binary models of up to as many variables as the device has qubits."""

    name = "braket"
    sdk = ("boto3", "botocore.config", "dimod", "dwave.samplers")

    def __init__(self, *, timeout_s: float = REQUEST_TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._device: Device | None = None
        self._opened: BraketCalls | None = None

    def capabilities(self) -> Capabilities:
        """Say what the device takes: by its own word once it was asked, by the table before."""
        device = self._known_device()
        return Capabilities(
            problem_types=frozenset({"binary"}),
            variables_max=device.qubits,
            is_quantum=device.is_quantum,
            cancel="queued",
            idempotent_submit="token",
        )

    def estimate(self, problem: Problem, limits: Limits) -> Estimate:
        """Say what the one task costs: by the device's own prices once it was asked, by the table before."""
        device = self._known_device()
        shots = self._shots(device)
        seconds = TASK_SECONDS + shots * SHOT_SECONDS
        why = explain_misfit(problem, self.capabilities()) or explain_density(problem)
        return Estimate(
            fits=not why,
            seconds=seconds,
            qpu_seconds=shots * SHOT_SECONDS if device.is_quantum else 0.0,
            cost_usd=device.cost_usd(shots, seconds),
            billable={"tasks": 1, "shots": shots} if device.unit == "shot" else {"minutes": seconds / 60},
            why=why,
        )

    def health(self, timeout_s: float) -> Health:
        """Ask the device for its status and queue, and the account for its limits of spending there."""
        began_s = time.monotonic()
        calls: BraketCalls | None = None
        try:
            _find_bucket()
            known = self._known_device()
            calls = BraketCalls(known.region, timeout_s=timeout_s)
            with understood(self.name):
                self._device = device = read_device(known, calls.get_device(known.arn))
                quotas = _find_quotas(calls, known, timeout_s - (time.monotonic() - began_s))
        except BackendError as error:
            return Health(status="down", error=error.kind, message=str(error))
        finally:
            if calls is not None:
                calls.close()
        latency_ms = (time.monotonic() - began_s) * 1000
        if device.status != "ONLINE":
            message = f"braket: {device.arn} is {device.status}"
            return Health(status="down", latency_ms=latency_ms, error="offline", message=message, quotas=quotas)
        return Health(status="up", latency_ms=latency_ms, queue_depth=device.queue_depth, quotas=quotas)

    @understood(name)
    def submit(self, problem: Problem, limits: Limits, *, key: str) -> Handle:
        """Create the task, with the pair of angles of the least mean energy; the same key again is the same task."""
        binary = self._take(problem)
        bucket = _find_bucket()
        device = self._ask_device()
        self._take(binary)  # now by the device's own word
        ising = read_ising(SpinModel(binary))
        source = write_openqasm(ising, choose_angles(ising, pairs=1)[0], gates=device.gates)
        token, program, shots = _token(key), fingerprint_program(source), self._shots(device)
        task = self._calls().create_task(
            clientToken=token,
            deviceArn=device.arn,
            deviceParameters=_write_parameters(device, ising.qubits),
            shots=shots,
            outputS3Bucket=bucket,
            outputS3KeyPrefix=S3_PREFIX,
            action=json.dumps(
                {"braketSchemaHeader": {"name": OPENQASM, "version": "1"}, "source": source, "inputs": {}}
            ),
            tags={TAG_KEY: token, TAG_PROGRAM: program},
        )
        return _write_handle(task, device, shots, program)

    @understood(name)
    def recover(self, key: str) -> Handle | None:
        """Look for the key among the tags of the device's latest tasks."""
        device = self._known_device()
        for task in self._calls().list_tasks(device.arn):
            tags = task.get("tags", {})
            if tags.get(TAG_KEY) == _token(key):
                return _write_handle(task["quantumTaskArn"], device, int(task["shots"]), tags.get(TAG_PROGRAM, ""))
        return None

    @understood(name)
    def poll(self, handle: Handle) -> Poll:
        """Read the task's status and its place in the queue."""
        task = self._calls().get_task(_task_of(handle))
        position = str((task.get("queueInfo") or {}).get("position", "")).lstrip(">")
        return Poll(state=STATES[task["status"]], queue_position=int(position) if position.isdigit() else None)

    @understood(name)
    def result(self, handle: Handle, problem: Problem) -> Answer:
        """Fetch the result from S3. Raises BackendError of kind `integrity` where it is not that of the task."""
        binary = self._take(problem)
        arn = _task_of(handle)
        task = self._calls().get_task(arn)
        if task["status"] != "COMPLETED":
            reason = task.get("failureReason") or f"the task is {task['status']}"
            raise BackendError("job_failed", f"braket: {reason}")
        text = self._calls().get_object(task["outputS3Bucket"], f"{task['outputS3Directory']}/results.json")
        bits = read_results(
            text, task=arn, qubits=len(binary.labels), shots=int(handle["shots"]), program=str(handle["program"])
        )
        model = SpinModel(binary)
        angles = choose_angles(read_ising(model), pairs=1)[0]
        info = {
            "method": "QAOA of one layer, then steepest descent",
            "device": task["deviceArn"],
            "vendor_id": arn,
            "cost_usd": handle.get("cost_usd"),
        }
        return answer_samples(binary, model, [Batch(angles=angles, bits=bits)], info)

    def cancel(self, handle: Handle) -> None:
        """Cancel the task; only one that does not run yet is sure to stop."""
        arn = _task_of(handle)
        self._calls().cancel_task(arn, _token(arn))

    def close(self) -> None:
        """Let go of the connections; safe to repeat."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _calls(self) -> BraketCalls:
        if self._opened is None:
            self._opened = BraketCalls(self._known_device().region, timeout_s=self._timeout_s)
        return self._opened

    def _known_device(self) -> Device:
        return self._device or look_up_device(credential("BRAKET_DEVICE") or SV1.arn)

    def _ask_device(self) -> Device:
        """Ask the device. Raises BackendError of kind `offline` where it takes no tasks."""
        known = self._known_device()
        self._device = read_device(known, self._calls().get_device(known.arn))
        if self._device.status != "ONLINE":
            raise BackendError("offline", f"braket: {self._device.arn} is {self._device.status}")
        return self._device

    def _shots(self, device: Device) -> int:
        least, most = device.shots_range
        return min(max(read_shots("BRAKET_SHOTS", default=SHOTS, most=SHOTS_MAX), least), most)

    def _take(self, problem: Problem) -> BinaryProblem:
        """Take a binary model that fits. Raises BackendError."""
        if not isinstance(problem, BinaryProblem):
            raise BackendError("invalid", f"{self.name} takes binary models only")
        why = explain_misfit(problem, self.capabilities()) or explain_density(problem)
        if why:
            raise BackendError("too_large", f"{self.name}: {why}")
        return problem


def _find_quotas(calls: BraketCalls, device: Device, timeout_s: float) -> tuple[VendorQuota, ...]:
    """Ask for the limits of spending; an account that may not ask, or gets no answer in time, is as well without."""
    with suppress(BackendError):
        return read_quotas(calls.list_spending_limits(device.arn, timeout_s=timeout_s), now=datetime.now(UTC))
    return ()


def _find_bucket() -> str:
    bucket = credential("AMZN_BRAKET_OUT_S3_BUCKET")
    if bucket is None:
        raise BackendError("auth", "braket: AMZN_BRAKET_OUT_S3_BUCKET is not set; Braket writes its results to S3")
    return bucket


def _token(key: str) -> str:
    """Make a client token, which may have 64 characters, out of any key."""
    return hashlib.sha256(key.encode()).hexdigest()


def _write_handle(task: str, device: Device, shots: int, program: str) -> Handle:
    cost_usd = device.cost_usd(shots, TASK_SECONDS + shots * SHOT_SECONDS)
    return {"task": task, "shots": shots, "program": program, "cost_usd": cost_usd}


def _task_of(handle: Handle) -> str:
    task = handle.get("task")
    if not isinstance(task, str) or not task:
        raise BackendError("job_failed", "braket: the handle names no task")
    return task


def _write_parameters(device: Device, qubits: int) -> str:
    """Write the parameters in the schema that Amazon's SDK uses for the device's provider."""
    provider = device.arn.split("/")[2].lower()
    name = f"{provider}.{provider}" if provider in SCHEMA_PROVIDERS else "simulators.gate_model_simulator"
    return json.dumps(
        {
            "braketSchemaHeader": {"name": f"braket.device_schema.{name}_device_parameters", "version": "1"},
            "paradigmParameters": {
                "braketSchemaHeader": {"name": "braket.device_schema.gate_model_parameters", "version": "1"},
                "qubitCount": qubits,
                "disableQubitRewiring": False,
            },
        }
    )
