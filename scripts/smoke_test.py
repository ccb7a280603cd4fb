#!/usr/bin/env python3
"""Check a running quantum-scheduler from outside, as a customer: one line a check, in under a minute.

Needs nothing but Python 3.11. The key is --api-key, else QUANTUM_SCHEDULER_API_KEY, else the one that
`quantum-scheduler up` keeps in the data folder.
Exit codes: 0 all is well, 1 a check failed, 2 usage, 4 the service cannot be reached.
"""

import argparse
import json
import os
import random
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException
from pathlib import Path
from typing import Any

ANSWER_TIMEOUT_S = 60.0
JOB_TIMEOUT_S = 60.0
LOOK_EVERY_S = 0.2
LOOPBACK = {"localhost", "127.0.0.1", "::1"}

SCHEDULE = {
    "kind": "schedule",
    "agents": [{"id": "ada", "skills": ["paint", "floor"]}, {"id": "ben", "skills": ["paint"]}],
    "tasks": [
        {"id": "paint hall", "duration": 3, "skills": ["paint"]},
        {"id": "paint room", "duration": 2, "skills": ["paint"]},
        {"id": "floor hall", "duration": 4, "skills": ["floor"], "dependencies": ["paint hall"]},
    ],
}
SCHEDULE_MAKESPAN = 7
QUBO = {
    "kind": "binary",
    "linear": [["a", -2], ["b", -2], ["c", -2]],
    "quadratic": [["a", "b", 2], ["b", "c", 2], ["a", "c", 2]],
}
QUBO_ENERGY = -2


class CheckFailed(Exception):  # noqa: N818  an error is named for what happened
    """Something is not as it should be."""


class Unreachable(Exception):  # noqa: N818
    """Nobody answers."""


@dataclass(frozen=True)
class Answer:
    """What the service said."""

    status: int
    headers: Message
    body: bytes

    def document(self) -> Any:
        """The JSON of the body."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise CheckFailed(f"the answer ({self.status}) is not JSON") from None

    def expect(self, status: int) -> Any:
        """The JSON of the body of an answer that has the right status."""
        if self.status != status:
            raise CheckFailed(f"answered {self.status} instead of {status}: {self.body[:200].decode(errors='replace')}")
        return self.document()


class Customer:
    """A customer of the service."""

    def __init__(self, endpoint: str, key: str | None) -> None:
        self.endpoint = endpoint.rstrip("/")
        self.key = key
        handlers = [urllib.request.ProxyHandler({})] if urllib.parse.urlsplit(endpoint).hostname in LOOPBACK else []
        self.opener = urllib.request.build_opener(*handlers)

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        *,
        anonymous: bool = False,
    ) -> Answer:
        """Ask the service; `body` is sent as JSON, or as it is where it is bytes. Raises Unreachable."""
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        url = self.endpoint + path
        request = urllib.request.Request(url, data=content, method=method)  # noqa: S310  `main` checks the scheme
        if content is not None:
            request.add_header("Content-Type", "application/json")
        if self.key is not None and not anonymous:
            request.add_header("Authorization", f"Bearer {self.key}")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with self.opener.open(request, timeout=ANSWER_TIMEOUT_S) as response:
                return Answer(response.status, response.headers, response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())
        except (OSError, HTTPException) as error:
            raise Unreachable(f"{self.endpoint} does not answer: {getattr(error, 'reason', error)}") from None

    def await_end(self, job: dict[str, Any]) -> dict[str, Any]:
        """Wait until a job has ended."""
        give_up_at = time.monotonic() + JOB_TIMEOUT_S
        while job["state"] in ("queued", "running"):
            if time.monotonic() > give_up_at:
                raise CheckFailed(f"job {job['id']} is still {job['state']} after {JOB_TIMEOUT_S:g} s")
            time.sleep(LOOK_EVERY_S)
            job = self.ask("GET", f"/v1/jobs/{job['id']}").expect(200)
        return job


def check_health(customer: Customer) -> None:
    """The service is up and has somebody to work."""
    health = customer.ask("GET", "/v1/health", anonymous=True).expect(200)
    if health["status"] != "ok":
        raise CheckFailed(
            f"the service is {health['status']}: database {health['database']}, {health['workers']} workers"
        )


def check_key(customer: Customer) -> None:
    """Nobody enters without a key, and ours is good."""
    customer.ask("GET", "/v1/jobs", anonymous=True).expect(401)
    if customer.key is None:
        raise CheckFailed("no key: give --api-key or QUANTUM_SCHEDULER_API_KEY")
    customer.ask("GET", "/v1/jobs?limit=1").expect(200)


def check_backends(customer: Customer) -> None:
    """There is somewhere to solve problems."""
    if not customer.ask("GET", "/v1/backends").expect(200)["items"]:
        raise CheckFailed("no backend is installed")


def check_backends_health(customer: Customer) -> None:
    """One backend at least would take a job."""
    items = customer.ask("GET", "/v1/backends/health").expect(200)["items"]
    if all(item["status"] == "down" for item in items):
        raise CheckFailed("; ".join(f"{item['name']} is down: {item['message']}" for item in items))


def check_schedule(customer: Customer) -> None:
    """A small schedule is solved."""
    _check_solved(customer, SCHEDULE, SCHEDULE_MAKESPAN)


def check_qubo(customer: Customer) -> None:
    """A small binary model is solved."""
    _check_solved(customer, QUBO, QUBO_ENERGY)


def check_idempotency(customer: Customer) -> None:
    """A request that is sent twice makes one job."""
    headers = {"Idempotency-Key": f"smoke test {uuid.uuid4()}"}
    request = {"name": "smoke test", "problem": QUBO, "time_limit_s": 1}
    first = customer.ask("POST", "/v1/jobs", request, headers).expect(201)
    again = customer.ask("POST", "/v1/jobs", request, headers)
    if again.expect(200)["id"] != first["id"] or again.headers["Idempotent-Replayed"] != "true":
        raise CheckFailed("the same request under the same key made another job")
    customer.ask("POST", "/v1/jobs", {**request, "seed": 1}, headers).expect(409)


def check_cancel(customer: Customer) -> None:
    """A job can be stopped."""
    chance = random.Random(1)  # noqa: S311  a problem that takes its whole time, not a secret
    pairs = [[u, v, chance.choice((-1, 1))] for u in range(200) for v in range(u)]
    request = {
        "name": "smoke test",
        "problem": {"kind": "binary", "vartype": "SPIN", "quadratic": pairs},
        "backend": "simulator",
        "time_limit_s": 60,
        "use_cache": False,
    }
    job = customer.ask("POST", "/v1/jobs", request).expect(201)
    customer.ask("DELETE", f"/v1/jobs/{job['id']}").expect(200)
    state = customer.await_end(job)["state"]
    if state != "cancelled":
        raise CheckFailed(f"the job has {state}")
    customer.ask("GET", f"/v1/jobs/{job['id']}/result").expect(409)


def check_bad_input(customer: Customer) -> None:
    """What makes no sense is refused, with the reason."""
    _check_refused(customer.ask("POST", "/v1/jobs", b"{"), 400)
    _check_refused(customer.ask("POST", "/v1/jobs", b"<problem/>", {"Content-Type": "text/xml"}), 415)
    not_a_number = b'{"problem": {"kind": "binary", "linear": [["a", NaN]]}}'
    _check_refused(customer.ask("POST", "/v1/jobs", not_a_number), 422)
    _check_refused(customer.ask("POST", "/v1/jobs", {"problem": QUBO, "colour": "red"}), 422)
    circle = [{"id": a, "duration": 1, "agents": 0, "dependencies": [b]} for a, b in (("a", "b"), ("b", "a"))]
    _check_refused(customer.ask("POST", "/v1/jobs", {"problem": {"kind": "schedule", "tasks": circle}}), 422)
    _check_refused(customer.ask("GET", "/v1/jobs?cursor=rubbish"), 400)
    _check_refused(customer.ask("GET", f"/v1/jobs/{uuid.uuid4()}"), 404)


CHECKS: tuple[Callable[[Customer], None], ...] = (
    check_health,
    check_key,
    # Those from here on need a key.
    check_backends,
    check_backends_health,
    check_schedule,
    check_qubo,
    check_idempotency,
    check_cancel,
    check_bad_input,
)


def main() -> int:
    """Run every check and say how each went."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint", required=True, metavar="URL", help="as http://127.0.0.1:8000")
    parser.add_argument("--api-key", metavar="KEY")
    parser.add_argument("--only", metavar="CHECK", choices=[name_check(check) for check in CHECKS])
    arguments = parser.parse_args()
    if urllib.parse.urlsplit(arguments.endpoint).scheme not in ("http", "https"):
        parser.error(f"--endpoint is {arguments.endpoint!r}; it may be an http or https URL")
    customer = Customer(arguments.endpoint, arguments.api_key or find_key(os.environ))
    try:
        possible = CHECKS if customer.key else (check_health, check_key)
        chosen = [check for check in possible if arguments.only in (None, name_check(check))]
        failures = [check for check in chosen if not run_check(check, customer)]
    except Unreachable as error:
        print(error, file=sys.stderr)
        return 4
    return 1 if failures else 0


def find_key(environ: Mapping[str, str]) -> str | None:
    """The key from the environment, or else the one in the data folder."""
    if environ.get("QUANTUM_SCHEDULER_API_KEY"):
        return environ["QUANTUM_SCHEDULER_API_KEY"]
    default = Path("~/Library/Application Support" if sys.platform == "darwin" else "~/.local/share")
    folder = (
        environ.get("QUANTUM_SCHEDULER_DATA_DIR") or Path(environ.get("XDG_DATA_HOME") or default) / "quantum-scheduler"
    )
    try:
        return (Path(folder).expanduser() / "api-key").read_text(encoding="ascii").strip() or None
    except (OSError, UnicodeError):
        return None


def name_check(check: Callable[[Customer], None]) -> str:
    """What a check is called."""
    return check.__name__.removeprefix("check_").replace("_", " ")


def run_check(check: Callable[[Customer], None], customer: Customer) -> bool:
    """Run one check and say how it went. Raises Unreachable."""
    name = name_check(check)
    began = time.perf_counter()
    try:
        check(customer)
    except CheckFailed as failure:
        print(f"FAIL {name}: {failure}", flush=True)
        return False
    except (KeyError, TypeError, AttributeError) as error:
        print(f"FAIL {name}: the answer does not look as described ({error!r})", flush=True)
        return False
    print(f"ok   {name}  {(time.perf_counter() - began) * 1000:.0f} ms", flush=True)
    return True


def _check_solved(customer: Customer, problem: Mapping[str, Any], objective: int) -> None:
    request = {"name": "smoke test", "problem": problem, "time_limit_s": 5}
    job = customer.await_end(customer.ask("POST", "/v1/jobs?wait=30", request).expect(201))
    if job["state"] != "succeeded":
        raise CheckFailed(f"the job has {job['state']}: {job['error']}")
    result = customer.ask("GET", f"/v1/jobs/{job['id']}/result").expect(200)
    if not result["verified"] or result["objective"] != objective:
        raise CheckFailed(
            f"objective {result['objective']}, verified {result['verified']}, instead of {objective}, True"
        )


def _check_refused(answer: Answer, status: int) -> None:
    refusal = answer.expect(status)
    if answer.headers.get_content_type() != "application/problem+json" or not refusal["detail"]:
        raise CheckFailed(f"the refusal ({status}) does not say why")


if __name__ == "__main__":
    sys.exit(main())
