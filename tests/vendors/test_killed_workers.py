"""A worker is killed while a vendor works for it; the next one goes on, and submits nothing twice.

Everything is real but the vendor: the service and its API, the worker, its processes, the SDK, and what is on the wire.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from tests.chaos.service import Service
from tests.vendors.gate_cases import SCHEDULE, sixteen_variables

from quantum_scheduler.problems.read import write_document
from quantum_scheduler.testing.faults import Fault
from quantum_scheduler.testing.port import VendorServer
from quantum_scheduler.testing.vendors import VENDORS

pytestmark = pytest.mark.long

PATIENCE_S = 180.0
LOOK_EVERY_S = 0.05
FINAL = ("succeeded", "failed", "cancelled")
PROBLEMS = {"qubo": json.loads(write_document(sixteen_variables())), "schedule": SCHEDULE}
# Those that can be asked what they have taken.
SEARCHING = ("dwave", "ibm", "braket")

Document = dict[str, Any]


class Worker:
    """A worker of the service, in a process group of its own, that reaches one vendor's stand-in."""

    def __init__(self, service: Service, cloud: VendorServer) -> None:
        environ = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "RAY_ADDRESS"}}
        self.process = psutil.Popen(
            [sys.executable, "-P", "-m", "quantum_scheduler", "worker", "--slots", "1"],
            env={
                **environ,
                **cloud.environment(),
                "QUANTUM_SCHEDULER_DATA_DIR": str(service.data_dir),
                "QUANTUM_BACKEND_PRIORITY": cloud.name,
                "LOG_LEVEL": "error",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def kill(self) -> None:
        """Kill it at once, and see that nothing it started lives on; safe to repeat."""
        if self.process.is_running():
            started = self.process.children(recursive=True)
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            _, alive = psutil.wait_procs(started, timeout=PATIENCE_S)
            assert not alive


class Customer:
    """Somebody who has a key to the API and nothing else."""

    def __init__(self, service: Service) -> None:
        self._client = httpx2.Client(
            base_url=service.url, headers={"Authorization": f"Bearer {service.key}"}, timeout=60.0, trust_env=False
        )

    def submit(self, problem: Document, backend: str) -> str:
        body = {"problem": problem, "backend": backend, "time_limit_s": 2.0, "use_cache": False}
        return str(self._ask("POST", "/v1/jobs", json=body)["id"])

    def wait(self, job_id: str, has_come: Callable[[Document], bool]) -> Document:
        give_up_at = time.monotonic() + PATIENCE_S
        while not has_come(job := self._ask("GET", f"/v1/jobs/{job_id}")):
            assert time.monotonic() < give_up_at, job
            time.sleep(LOOK_EVERY_S)
        return job

    def wait_until_it_ends(self, job_id: str) -> Document:
        job = self.wait(job_id, lambda job: job["state"] in FINAL)
        assert job["state"] == "succeeded", job
        assert job["result"]["verified"]
        assert job["result"]["objective"] == job["result"]["race"]["classical"]["objective"]
        return job

    def close_breakers(self) -> None:
        self._ask("POST", "/v1/admin/circuit-breaker/reset")

    def close(self) -> None:
        self._client.close()

    def _ask(self, method: str, path: str, **options: Any) -> Document:
        answer = self._client.request(method, path, **options)
        assert answer.is_success, answer.text
        told: Document = answer.json()
        return told


def attempts(job: Document) -> list[tuple[str, str]]:
    return [(each["backend"], each["state"]) for each in job["quantum_attempts"]]


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """The service without a worker."""
    folder = Path(tempfile.mkdtemp(prefix="qs-"))
    running = Service(folder / "data", workers=0)
    running.start()
    yield running
    running.stop()
    shutil.rmtree(folder)


@pytest.fixture
def customer(service: Service) -> Iterator[Customer]:
    customer = Customer(service)
    customer.close_breakers()
    yield customer
    customer.close()


@pytest.fixture
def cloud(clouds: dict[str, VendorServer], vendor: str) -> Iterator[VendorServer]:
    yield clouds[vendor]
    clouds[vendor].switch.set("none")


@dataclass(kw_only=True)
class Scene:
    """One worker after the other has one customer's jobs solved by one vendor, who has taken `taken` submissions."""

    service: Service
    customer: Customer
    cloud: VendorServer
    taken: int
    workers: list[Worker] = field(default_factory=list)

    def kill_worker_at(self, state: str, problem: Document, fault: Fault) -> str:
        """Kill a worker once a vendor with `fault` has its job and the attempt is in `state`; mend the vendor.

        Returns the job.
        """
        self.cloud.switch.set(fault)
        self._hire()
        job_id = self.customer.submit(problem, self.cloud.name)
        self.customer.wait(job_id, lambda job: self._has_taken_one() and attempts(job) == [(self.cloud.name, state)])
        self.workers[-1].kill()
        self.cloud.switch.set("none")
        return job_id

    def finish(self, job_id: str) -> Document:
        """Have the next worker go on with a job, which must submit nothing."""
        self._hire()
        job = self.customer.wait_until_it_ends(job_id)
        assert self._has_taken_one()
        return job

    def _hire(self) -> None:
        self.workers.append(Worker(self.service, self.cloud))

    def _has_taken_one(self) -> bool:
        return len(self.cloud.submissions()) == self.taken + 1


@pytest.fixture
def scene(service: Service, customer: Customer, cloud: VendorServer) -> Iterator[Scene]:
    scene = Scene(service=service, customer=customer, cloud=cloud, taken=len(cloud.submissions()))
    yield scene
    for worker in scene.workers:
        worker.kill()


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
@pytest.mark.parametrize("vendor", VENDORS)
def test_killed_after_the_handle_is_committed_the_next_worker_goes_on_from_it(
    scene: Scene, vendor: str, problem: Document
) -> None:
    job = scene.finish(scene.kill_worker_at("waiting", problem, "stuck"))
    assert attempts(job) == [(vendor, "answered")]
    assert job["result"]["race"]["quantum"]["objective"] >= job["result"]["objective"]


@pytest.mark.parametrize("vendor", SEARCHING)
def test_killed_before_the_handle_is_committed_the_submission_is_found_and_not_made_again(
    scene: Scene, vendor: str
) -> None:
    job = scene.finish(scene.kill_worker_at("submitting", PROBLEMS["qubo"], "late"))
    assert attempts(job) == [(vendor, "answered")]
    assert job["result"]["race"]["quantum"]["objective"] >= job["result"]["objective"]


@pytest.mark.parametrize("vendor", sorted(set(VENDORS) - set(SEARCHING)))
def test_where_the_vendor_cannot_tell_it_is_held_for_review_and_not_submitted_again(scene: Scene, vendor: str) -> None:
    job = scene.finish(scene.kill_worker_at("submitting", PROBLEMS["qubo"], "late"))
    assert attempts(job) == [(vendor, "doubtful")]
    assert "cannot tell whether it arrived" in job["result"]["race"]["error"]["message"]
