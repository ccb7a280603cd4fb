"""The parts that need IBM's SDK: the circuit for a device, its submission through the sampler, its results."""

import logging
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime import QiskitRuntimeService
from qiskit_ibm_runtime.decoders.defaults import DEFAULT_DECODERS
from qiskit_ibm_runtime.executor_sampler import Sampler
from requests import RequestException, Timeout
from requests.adapters import HTTPAdapter

from quantum_scheduler.backends.ibm.rest import Account, classify, read_retry_after
from quantum_scheduler.backends.model import BackendError
from quantum_scheduler.backends.qaoa.angles import Angles
from quantum_scheduler.backends.qaoa.ising import Bits, Ising
from quantum_scheduler.backends.within import call_within

CHANNEL = "ibm_quantum_platform"
OPTIMIZATION_LEVEL = 2
# A device that takes this many times longer than estimated stops the job.
EXECUTION_FACTOR = 4
REGISTER = "meas"  # as QuantumCircuit.measure_all calls it
MARK = "program"

# It warns of which of an account's instances it takes; that was settled before.
logging.getLogger("qiskit_ibm_runtime").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is submitted: one circuit with a grid of angles, so many shots each."""

    ising: Ising
    angles: Sequence[Angles]
    shots: int
    seed: int
    device: str
    tags: Sequence[str]
    mark: str
    seconds: float


def submit_order(account: Account, order: Order, *, timeout_s: float) -> str:
    """Submit one job and return its id, or raise BackendError within `timeout_s`."""
    ends_s = time.monotonic() + timeout_s
    with warnings.catch_warnings():
        # The SDK warns of its own future; this process has nobody to tell.
        warnings.simplefilter("ignore")
        return call_within(timeout_s, lambda: _submit(account, order, ends_s), what="ibm: the submission")


def _submit(account: Account, order: Order, ends_s: float) -> str:
    try:
        service = QiskitRuntimeService(
            channel=CHANNEL, token=account.key, instance=account.instance, url_resolver=lambda *_: account.api_url
        )
        device = service.backend(order.device)
        circuit = _transpile(order, device)
        sampler = Sampler(mode=device)
        sampler.options.environment.job_tags = list(order.tags)
        sampler.options.max_execution_time = int(np.ceil(order.seconds * EXECUTION_FACTOR))
        _bound_sessions(service, ends_s)
        job = sampler.run([(circuit, _grid(circuit, order.angles))], shots=order.shots)
        return str(job.job_id())
    except Exception as error:
        raise _tell(error, account) from error


def write_circuit(ising: Ising) -> QuantumCircuit:
    """Write the one-layer circuit in the parameters gamma and beta; bit i is the variable at position i."""
    gamma, beta = Parameter("gamma"), Parameter("beta")
    circuit = QuantumCircuit(ising.qubits)
    circuit.h(range(ising.qubits))
    for head, tail, coupling in zip(ising.head.tolist(), ising.tail.tolist(), ising.coupling.tolist(), strict=True):
        circuit.rzz(2 * coupling * gamma, head, tail)
    for qubit, bias in enumerate(ising.field.tolist()):
        if bias:
            circuit.rz(2 * bias * gamma, qubit)
    circuit.rx(2 * beta, range(ising.qubits))
    circuit.measure_all()
    return circuit


def read_order_results(text: str, *, pairs: int, shots: int, qubits: int, mark: str) -> tuple[Bits, ...]:
    """Read the bits of each pair of angles, in order; shapes (shots, qubits).

    Raises BackendError of kind `integrity` where they are of another circuit, or of other shots, pairs or qubits.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result: Any = reduce(_decode, DEFAULT_DECODERS["executor"], text)
        measured = result[0].data[REGISTER]
        bits = measured.to_bool_array(order="little").astype(np.uint8)
        told = result[0].metadata["circuit_metadata"].get(MARK)
    except Exception as error:
        raise BackendError("integrity", f"ibm: the result cannot be read: {error!r}") from error
    if told != mark:
        raise BackendError("integrity", f"ibm: the result is of the circuit {told!r} and not of {mark!r}")
    if bits.shape != (pairs, shots, qubits):
        raise BackendError(
            "integrity", f"ibm: the result measures {bits.shape}, and {(pairs, shots, qubits)} was asked for"
        )
    return tuple(bits)


def _decode(result: Any, decoder: Any) -> Any:
    return decoder.decode(result) if decoder.is_applicable(result) else result


def _transpile(order: Order, device: Any) -> QuantumCircuit:
    """Place and route the circuit on the device, in the gates that it has."""
    circuit = write_circuit(order.ising)
    circuit.metadata = {MARK: order.mark}
    manager = generate_preset_pass_manager(
        optimization_level=OPTIMIZATION_LEVEL, backend=device, seed_transpiler=order.seed
    )
    return manager.run(circuit)


def _grid(circuit: QuantumCircuit, angles: Sequence[Angles]) -> dict[Any, Any]:
    """Give each parameter that the circuit still has its value for each pair."""
    values = {"gamma": [pair.gamma for pair in angles], "beta": [pair.beta for pair in angles]}
    return {parameter: np.array(values[parameter.name]) for parameter in circuit.parameters}


class _BoundedAdapter(HTTPAdapter):
    """Sends once, and waits no longer than until `ends_s`, whatever the caller says."""

    def __init__(self, ends_s: float) -> None:
        super().__init__(max_retries=0)
        self._ends_s = ends_s

    def send(self, request: Any, *arguments: Any, **options: Any) -> Any:
        left_s = self._ends_s - time.monotonic()
        if left_s <= 0:
            # Nobody waits any more: a job submitted now would be nobody's.
            raise BackendError("timeout", "ibm: the submission took too long")
        return super().send(request, *arguments, **{**options, "timeout": left_s})


def _bound_sessions(service: QiskitRuntimeService, ends_s: float) -> None:
    """Take the SDK's retries, and its wait of 15 minutes, off what submits."""
    for client in service._api_clients.values():  # noqa: SLF001  there is no public way to them
        for scheme in ("http://", "https://"):
            client._session.mount(scheme, _BoundedAdapter(ends_s))  # noqa: SLF001


def _tell(error: BaseException, account: Account) -> BackendError:
    """Find the HTTP error behind an exception of the SDK, which keeps it as its context."""
    message = f"ibm: {error}".replace(account.key, "***")
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, BackendError):
            return cause
        response = getattr(cause, "response", None)
        if response is not None:
            retry_after_s = read_retry_after(response.headers.get("Retry-After"))
            return BackendError(classify(response.status_code, message), message, retry_after_s=retry_after_s)
        if isinstance(cause, Timeout):
            return BackendError("timeout", message)
        if isinstance(cause, RequestException):
            return BackendError("unavailable", message)
        cause = cause.__cause__ or cause.__context__
    return BackendError("job_failed", message)
