"""A stand-in for Amazon Braket and its S3 on 127.0.0.1, which simulates the circuits it is sent."""

import json
import threading
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import numpy as np

from quantum_scheduler.testing.background import Background, State, WorkFailed
from quantum_scheduler.testing.braket_devices import DEVICES, GARNET, DeviceSheet, describe_device, describe_limit
from quantum_scheduler.testing.faults import SLOW_S, Fault, FaultSwitch
from quantum_scheduler.testing.loopback import ConnectionDropped, LoopbackHttp, Refused, Reply, Request, reply_json
from quantum_scheduler.testing.openqasm import Program, ProgramInvalid, read_program
from quantum_scheduler.testing.port import Submission
from quantum_scheduler.testing.state_vector import QUBITS_MAX, sample_circuit

ACCESS_KEY = "AKIALOOPBACKSTANDIN0"
SECRET_KEY = "loopback-stand-in-secret"  # noqa: S105  opens nothing but this server
BUCKET = "amazon-braket-loopback"
ACCOUNT = "000000000000"
RETRY_AFTER_S = 2
QUEUE_DEPTH = 3

STATES: Mapping[State, str] = {
    "queued": "QUEUED",
    "running": "RUNNING",
    "done": "COMPLETED",
    "failed": "FAILED",
    "cancelled": "CANCELLED",
}


@dataclass(kw_only=True)
class _Task:
    """A task and what has become of it."""

    arn: str
    order: Mapping[str, Any]
    program: Program
    fault: Fault
    created_at: str
    work: Background[bytes] = field(default_factory=Background)

    @property
    def state(self) -> str:
        return STATES[self.work.state]

    @property
    def directory(self) -> str:
        return f"{self.order['outputS3KeyPrefix']}/{self.arn.rpartition('/')[2]}"


class BraketServer:
    """Amazon Braket with two devices, SV1 and Garnet, and one bucket."""

    name = "braket"

    def __init__(self) -> None:
        self.switch = FaultSwitch()
        self._http = LoopbackHttp(self._answer, name="vendors.braket")
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._began_s = int(time.time())
        self._tasks: dict[str, _Task] = {}
        self._by_token: dict[str, _Task] = {}

    def start(self, port: int = 0) -> None:
        """Listen on `port`, or on any that is free. Raises OSError where it is taken."""
        self._stopped.clear()
        self._http.start(port)

    def environment(self) -> Mapping[str, str]:
        """Name the variables that boto3, the Braket SDK and our adapter read."""
        return {
            "BRAKET_ENDPOINT": self._http.url,
            "AWS_ENDPOINT_URL_S3": self._http.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": GARNET.region,
            "AWS_DEFAULT_REGION": GARNET.region,
            "AMZN_BRAKET_OUT_S3_BUCKET": BUCKET,
            "BRAKET_DEVICE": GARNET.arn,
        }

    def submissions(self) -> tuple[Submission, ...]:
        """List the tasks that were created; a replayed client token creates none."""
        with self._lock:
            return tuple(Submission(vendor_id=task.arn, key=token) for token, task in self._by_token.items())

    def stop(self) -> None:
        """Stop listening and forget everything; safe to repeat."""
        self.switch.set("none")  # who waits for the end of a fault goes on
        self._stopped.set()
        self._http.stop()
        with self._lock:
            self._tasks.clear()
            self._by_token.clear()

    def _answer(self, request: Request) -> Reply:
        fault = self.switch.fault()
        if fault == "dropped":
            raise ConnectionDropped
        if fault == "slow":
            self._stopped.wait(SLOW_S)
        try:
            self._let_in(request, fault)
            return self._route(request, fault)
        except Refused as refused:
            return _refuse(refused, in_xml=request.path.startswith(f"/{BUCKET}/"))

    def _let_in(self, request: Request, fault: Fault) -> None:
        """Refuse a wrong key, and everybody where the fault says so."""
        if fault == "auth" or f"Credential={ACCESS_KEY}/" not in request.headers.get("authorization", ""):
            message = "The security token included in the request is invalid."
            raise Refused(403, "UnrecognizedClientException", message)
        if fault == "rate_limit":
            raise Refused(429, "ThrottlingException", "Rate exceeded")
        if fault == "server_error":
            raise Refused(500, "InternalServiceException", "An internal error occurred")

    def _route(self, request: Request, fault: Fault) -> Reply:
        match request.method, request.path.strip("/").split("/"):
            case "GET", ["device", arn]:
                sheet = _find_device(unquote(arn))
                return reply_json(describe_device(sheet, online=fault != "offline", queue_depth=QUEUE_DEPTH))
            case "POST", ["spending-limits"]:
                return self._list_limits(request.json(), fault)
            case "GET", [bucket, *key] if bucket == BUCKET:
                return self._get_object("/".join(key))
            case method, ["quantum-task" | "quantum-tasks" as noun, *what]:
                return self._answer_tasks(request, fault, (method, noun, *what))
        raise _no_such_operation(request)

    def _answer_tasks(self, request: Request, fault: Fault, asked: tuple[str, ...]) -> Reply:
        match asked:
            case "POST", "quantum-task":
                return self._create(request.json(), fault)
            case "POST", "quantum-tasks":
                return self._search(request.json())
            case "GET", "quantum-task", arn:
                return self._describe(unquote(arn), fault)
            case "PUT", "quantum-task", arn, "cancel":
                return self._cancel(unquote(arn))
        raise _no_such_operation(request)

    def _create(self, order: Mapping[str, Any], fault: Fault) -> Reply:
        if fault == "offline":
            raise Refused(424, "DeviceOfflineException", "The device is offline")
        if fault == "quota":
            raise Refused(402, "ServiceQuotaExceededException", "The quota of concurrent tasks is exceeded")
        least, most = _find_device(order["deviceArn"]).shots_range
        if not least <= order["shots"] <= most:
            raise Refused(400, "ValidationException", f"shots must be from {least} to {most}")
        with self._lock:
            task = self._by_token.get(order["clientToken"])
            if task is None:
                task = self._take(order, fault)
                self._tasks[task.arn] = self._by_token[order["clientToken"]] = task
            elif task.order["action"] != order["action"]:
                raise Refused(400, "ValidationException", "the client token was used for another task")
        _run(task, fault)
        self.switch.outlast("late")
        return reply_json({"quantumTaskArn": task.arn}, status=201)

    def _take(self, order: Mapping[str, Any], fault: Fault) -> _Task:
        """Read an order as the service does: a program it does not understand is refused at once."""
        try:
            program = read_program(json.loads(order["action"])["source"])
        except (ProgramInvalid, ValueError, KeyError) as error:
            raise Refused(400, "ValidationException", f"the program is not valid: {error}") from error
        if program.qubits > QUBITS_MAX:
            raise Refused(400, "ValidationException", f"the device has {QUBITS_MAX} qubits")
        arn = f"arn:aws:braket:{GARNET.region}:{ACCOUNT}:quantum-task/{uuid4()}"
        return _Task(arn=arn, order=order, program=program, fault=fault, created_at=_now())

    def _describe(self, arn: str, fault: Fault) -> Reply:
        with self._lock:
            task = self._find(arn)
            _run(task, fault)
            described = _summarise(task) | {
                "deviceParameters": task.order.get("deviceParameters", "{}"),
                "queueInfo": {"queue": "QUANTUM_TASKS_QUEUE", "position": "1" if task.state == "QUEUED" else "None"},
            }
            return reply_json(described | ({"failureReason": task.work.error} if task.work.error else {}))

    def _search(self, order: Mapping[str, Any]) -> Reply:
        wanted = _wanted(order)
        with self._lock:
            tasks = [task for task in reversed(self._tasks.values()) if task.order["deviceArn"] in wanted]
            return reply_json({"quantumTasks": [_summarise(task) for task in tasks[: order.get("maxResults", 100)]]})

    def _list_limits(self, order: Mapping[str, Any], fault: Fault) -> Reply:
        """Tell what the tasks on the hardware have cost of what they may; with the fault, that it is all there was."""
        if GARNET.arn not in _wanted(order):
            return reply_json({"spendingLimits": []})
        with self._lock:
            shots = [int(task.order["shots"]) for task in self._tasks.values() if task.order["deviceArn"] == GARNET.arn]
        limit = describe_limit(GARNET, shots, account=ACCOUNT, began_s=self._began_s, is_spent=fault == "quota")
        return reply_json({"spendingLimits": [limit]})

    def _cancel(self, arn: str) -> Reply:
        with self._lock:
            task = self._find(arn)
            if task.state not in ("QUEUED", "RUNNING"):
                raise Refused(409, "ConflictException", f"the task is {task.state}")
            task.work.cancel()
            return reply_json({"quantumTaskArn": arn, "cancellationStatus": "CANCELLING"})

    def _get_object(self, key: str) -> Reply:
        with self._lock:
            for task in self._tasks.values():
                if task.work.result and key == f"{task.directory}/results.json":
                    return Reply(body=task.work.result, headers={"Content-Type": "application/json"})
        raise Refused(404, "NoSuchKey", "The specified key does not exist.")

    def _find(self, arn: str) -> _Task:
        if arn not in self._tasks:
            raise Refused(404, "ResourceNotFoundException", f"no task is called {arn}")
        return self._tasks[arn]


def _wanted(order: Mapping[str, Any]) -> set[str]:
    """The devices that a search is limited to."""
    return {value for criterion in order["filters"] for value in criterion["values"]}


def _no_such_operation(request: Request) -> Refused:
    return Refused(404, "ResourceNotFoundException", f"no such operation: {request.method} {request.path}")


def _find_device(arn: str) -> DeviceSheet:
    if arn not in DEVICES:
        raise Refused(404, "ResourceNotFoundException", f"no device is called {arn}")
    return DEVICES[arn]


def _run(task: _Task, fault: Fault) -> None:
    """Begin to simulate, unless tasks are stuck; the same program gives the same shots."""
    if fault != "stuck":
        task.work.begin(lambda: _write_results(task))


def _write_results(task: _Task) -> bytes:
    """Write results.json; with wrong energies the shots are those of another program, which it names."""
    if task.fault == "job_failed":
        raise WorkFailed("The device failed while it ran the task")
    shots = int(task.order["shots"])
    action = json.loads(task.order["action"])
    rng = np.random.default_rng(zlib.crc32(action["source"].encode()))
    bits = sample_circuit(task.program.gates, task.program.measured, shots=shots, rng=rng)
    if task.fault == "wrong_energy":
        bits = 1 - bits
        action["source"] += "// the program of somebody else\nx q[0];\n"
    return json.dumps(
        {
            "braketSchemaHeader": {"name": "braket.task_result.gate_model_task_result", "version": "1"},
            "measurements": bits.tolist(),
            "measuredQubits": list(task.program.measured),
            "taskMetadata": {
                "braketSchemaHeader": {"name": "braket.task_result.task_metadata", "version": "1"},
                "id": task.arn,
                "shots": shots,
                "deviceId": task.order["deviceArn"],
                "createdAt": task.created_at,
                "endedAt": _now(),
                "status": "COMPLETED",
            },
            "additionalMetadata": {"action": action},
        }
    ).encode()


def _summarise(task: _Task) -> dict[str, Any]:
    order = task.order
    return {
        "quantumTaskArn": task.arn,
        "status": task.state,
        "deviceArn": order["deviceArn"],
        "shots": order["shots"],
        "outputS3Bucket": order["outputS3Bucket"],
        "outputS3Directory": task.directory,
        "createdAt": task.created_at,
        "tags": order.get("tags", {}),
    }


def _refuse(refused: Refused, *, in_xml: bool) -> Reply:
    headers = {"x-amzn-ErrorType": str(refused.code), "x-amzn-RequestId": str(uuid4())}
    if refused.status == 429:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    if not in_xml:
        return reply_json({"message": str(refused)}, status=refused.status, headers=headers)
    body = f"<Error><Code>{refused.code}</Code><Message>{refused}</Message></Error>"
    return Reply(status=refused.status, body=body.encode(), headers={**headers, "Content-Type": "application/xml"})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
