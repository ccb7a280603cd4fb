"""A stand-in for IBM Cloud's identity and Qiskit Runtime services on 127.0.0.1, which simulates the circuits."""

import base64
import json
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

from quantum_scheduler.testing.background import Background, State, WorkFailed
from quantum_scheduler.testing.faults import SLOW_S, Fault, FaultSwitch
from quantum_scheduler.testing.ibm_devices import (
    DEVICES,
    DeviceSheet,
    describe_configuration,
    describe_properties,
    describe_status,
    list_devices,
)
from quantum_scheduler.testing.loopback import ConnectionDropped, LoopbackHttp, Refused, Reply, Request, reply_json
from quantum_scheduler.testing.port import Submission

API_KEY = "loopback-stand-in-ibm-key"
INSTANCE = "crn:v1:bluemix:public:quantum-computing:us-east:a/loopback:00000000-0000-0000-0000-000000000000::"
API = "/api/v1"
RETRY_AFTER_S = 2
TOKEN_S = 3600
# The instance's time, in seconds of 28 days.
USAGE_LIMIT_S = 36_000
CHARGED_S = 3.0

STATES: Mapping[State, str] = {
    "queued": "Queued",
    "running": "Running",
    "done": "Completed",
    "failed": "Failed",
    "cancelled": "Cancelled",
}
# As with IBM, a job for a device that is offline or an instance that has no time left waits.
HOLDING: tuple[Fault, ...] = ("offline", "quota", "stuck")


@cache
def _open_machine() -> ThreadPoolExecutor:
    """One job at a time, in a thread that lasts: in new ones, reading circuits has crashed the process."""
    return ThreadPoolExecutor(1, thread_name_prefix="vendors.ibm.run")


@dataclass(kw_only=True)
class _Job:
    """A job and what has become of it."""

    id: str
    order: Mapping[str, Any]
    fault: Fault
    created: str
    tags: list[str] = field(default_factory=list)
    work: Background[str] = field(default_factory=lambda: Background(_open_machine().submit))

    @property
    def state(self) -> str:
        return STATES[self.work.state]


class IbmServer:
    """IBM Cloud with one account, one instance and two devices."""

    name = "ibm"

    def __init__(self) -> None:
        self.switch = FaultSwitch()
        self._http = LoopbackHttp(self._answer, name="vendors.ibm")
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._jobs: dict[str, _Job] = {}
        self._token = _write_token()

    def start(self, port: int = 0) -> None:
        """Listen on `port`, or on any that is free. Raises OSError where it is taken."""
        self._stopped.clear()
        self._http.start(port)

    def environment(self) -> Mapping[str, str]:
        """Name the variables that the SDK and our adapter read."""
        return {
            "IBM_TOKEN": API_KEY,
            "IBM_INSTANCE": INSTANCE,
            "IBM_API_URL": f"{self._http.url}{API}",
            "IAM_URL": self._http.url,
            # Else the SDK asks IBM Cloud's catalogue which instances the account has.
            "QISKIT_FUNCTIONS_EXPERIMENTAL": "1",
        }

    def submissions(self) -> tuple[Submission, ...]:
        """List the jobs that were taken; their key is the first tag."""
        with self._lock:
            return tuple(Submission(vendor_id=job.id, key=next(iter(job.tags), None)) for job in self._jobs.values())

    def stop(self) -> None:
        """Stop listening and forget everything; safe to repeat."""
        self.switch.set("none")  # who waits for the end of a fault goes on
        self._stopped.set()
        self._http.stop()
        with self._lock:
            self._jobs.clear()

    def _answer(self, request: Request) -> Reply:
        fault = self.switch.fault()
        if fault == "dropped":
            raise ConnectionDropped
        if fault == "slow":
            self._stopped.wait(SLOW_S)
        try:
            if (request.method, request.path) == ("POST", "/identity/token"):
                return self._give_token(request, fault)
            self._let_in(request, fault)
            return self._route(request, fault)
        except Refused as refused:
            return _refuse(refused)

    def _give_token(self, request: Request, fault: Fault) -> Reply:
        key = parse_qs(request.body.decode()).get("apikey", [""])[0]
        if fault == "auth" or key != API_KEY:
            error = {"errorCode": "BXNIM0415E", "errorMessage": "Provided API key could not be found."}
            return reply_json(error, status=400)
        times = {"expires_in": TOKEN_S, "expiration": int(time.time()) + TOKEN_S}
        return reply_json({"access_token": self._token, "token_type": "Bearer", "refresh_token": "none", **times})

    def _let_in(self, request: Request, fault: Fault) -> None:
        """Refuse a wrong token, and everybody where the fault says so."""
        if fault == "auth" or request.headers.get("authorization") != f"Bearer {self._token}":
            raise Refused(401, 1200, "Login has failed. Invalid access token.")
        if request.headers.get("service-crn") != INSTANCE:
            raise Refused(401, 1201, "The instance is unknown to this account.")
        if fault == "server_error":
            raise Refused(500, 1500, "Internal server error.")

    def _route(self, request: Request, fault: Fault) -> Reply:
        match request.method, request.path.removeprefix(API).strip("/").split("/"):
            case "GET", ["backends"]:
                return reply_json(list_devices())
            case "GET", ["backends", name, what]:
                return reply_json(_describe_device(_find_device(name), what, online=fault != "offline"))
            case "GET", ["instances", "usage"]:
                return reply_json(self._describe_usage(fault))
            case "POST", ["jobs"]:
                return self._create(request.json(), fault)
            case "GET", ["jobs"]:
                return self._search(request.query)
            case method, ["jobs", job, *what]:
                return self._answer_job(method, job, what, fault)
        raise Refused(404, 1404, f"no such route: {request.method} {request.path}")

    def _create(self, order: Mapping[str, Any], fault: Fault) -> Reply:
        """Take a job. As with IBM, jobs have the one rate limit."""
        if fault == "rate_limit":
            raise Refused(429, 1429, "Too many requests: 5 jobs a minute.")
        sheet = _find_device(order["backend"])
        if order.get("program_id") != "executor":
            raise Refused(400, 1400, f"the program {order.get('program_id')!r} is not run here")
        created = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
        job = _Job(id=f"lb{uuid4().hex[:18]}", order=order, fault=fault, created=created, tags=order.get("tags", []))
        with self._lock:
            self._jobs[job.id] = job
        _run(job, fault)
        self.switch.outlast("late")
        return reply_json({"id": job.id, "backend": sheet.name})

    def _search(self, query: Mapping[str, str]) -> Reply:
        with self._lock:
            found = [job for job in reversed(self._jobs.values()) if query.get("tags") in (None, *job.tags)]
            page = found[: int(query.get("limit", 20))]
            return reply_json({"jobs": [_describe_job(job) for job in page], "count": len(found)})

    def _describe_usage(self, fault: Fault) -> dict[str, Any]:
        """Tell what was charged for the jobs that ran; with the fault, that it is all there was."""
        with self._lock:
            charged_s = CHARGED_S * sum(job.work.state == "done" for job in self._jobs.values())
        is_spent = fault == "quota" or charged_s >= USAGE_LIMIT_S
        return {
            "instance_id": INSTANCE,
            "plan_id": "loopback",
            "usage_consumed_seconds": USAGE_LIMIT_S if is_spent else charged_s,
            "usage_limit_seconds": USAGE_LIMIT_S,
            "usage_limit_reached": is_spent,
        }

    def _answer_job(self, method: str, id_: str, what: list[str], fault: Fault) -> Reply:
        with self._lock:
            job = self._jobs.get(id_)
            if job is None:
                raise Refused(404, 1291, f"Job not found. Job ID: {id_}")
            if method == "GET":
                _run(job, fault)
            match method, what:
                case "GET", []:
                    return reply_json(_describe_job(job))
                case "GET", ["metrics"]:
                    charged = CHARGED_S if job.state == "Completed" else 0.0
                    return reply_json({"usage": {"qpu_charge_time_seconds": charged, "status": "final"}})
                case "GET", ["results"]:
                    return Reply(body=(job.work.result or "").encode(), headers={"Content-Type": "application/json"})
                case "POST", ["cancel"]:
                    return _cancel(job)
        raise Refused(404, 1404, "no such route")


def _cancel(job: _Job) -> Reply:
    if job.state not in ("Queued", "Running"):
        raise Refused(409, 1294, f"the job is {job.state}")
    job.work.cancel()
    return Reply(status=204)


def _run(job: _Job, fault: Fault) -> None:
    """Begin to simulate, unless jobs have to wait."""
    if fault not in HOLDING:
        job.work.begin(lambda: _write_results(job))


def _write_results(job: _Job) -> str:
    from quantum_scheduler.testing.ibm_program import run_program  # noqa: PLC0415  imports qiskit

    if job.fault == "job_failed":
        raise WorkFailed("The device failed while it ran the job.")
    return run_program(job.order["params"], _find_device(job.order["backend"]), wrong=job.fault == "wrong_energy")


def _find_device(name: str) -> DeviceSheet:
    if name not in DEVICES:
        raise Refused(404, 1404, f"no device is called {name}")
    return DEVICES[name]


def _describe_device(sheet: DeviceSheet, what: str, *, online: bool) -> dict[str, Any]:
    match what:
        case "status":
            return describe_status(sheet, online=online)
        case "configuration":
            return describe_configuration(sheet)
        case "properties":
            return describe_properties(sheet)
    raise Refused(404, 1404, f"a device has no {what}")


def _describe_job(job: _Job) -> dict[str, Any]:
    state: dict[str, Any] = {"status": job.state} | ({"reason": job.work.error} if job.work.error else {})
    return {
        "id": job.id,
        "backend": job.order["backend"],
        "state": state,
        "status": job.state,
        "program": {"id": job.order["program_id"]},
        "created": job.created,
        "tags": job.tags,
    }


def _refuse(refused: Refused) -> Reply:
    headers = {"Retry-After": str(RETRY_AFTER_S)} if refused.status == 429 else {}
    error = {"code": refused.code, "message": str(refused), "solution": "", "more_info": ""}
    return reply_json({"errors": [error], "trace": uuid4().hex}, status=refused.status, headers=headers)


def _write_token() -> str:
    """Write a token in the form that clients take apart; it is good for an hour from now and signed by nobody."""
    now = int(time.time())
    parts = {"alg": "none"}, {"iat": now, "exp": now + TOKEN_S, "iam_id": "loopback"}
    written = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*written, "none"])
