"""What the tests of the vendors' backends share: problems, an environment that ends, a process that takes over."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from quantum_scheduler.backends.model import Handle
from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.problem import Problem
from quantum_scheduler.problems.read import read_document, write_document

SCHEDULE: dict[str, Any] = {
    "kind": "schedule",
    "agents": [{"id": "ann", "skills": ["cut"], "cost": 2}, {"id": "bob", "skills": ["cut", "sew"], "cost": 3}],
    "tasks": [
        {"id": "cut 1", "duration": 3, "skills": ["cut"]},
        {"id": "cut 2", "duration": 2, "skills": ["cut"]},
        {"id": "sew", "duration": 2, "skills": ["sew"], "dependencies": ["cut 1"]},
    ],
}

TAKE_OVER = """
import json, sys, time
from quantum_scheduler.backends.load import load_backend
from quantum_scheduler.problems.read import read_document

given = json.load(sys.stdin)
backend = load_backend(given["backend"])
while backend.poll(given["handle"]).state in ("queued", "running"):
    time.sleep(0.02)
answer = backend.result(given["handle"], read_document(json.dumps(given["problem"]).encode()))
print(json.dumps({"objective": answer.claimed_objective, "vendor_id": answer.info["vendor_id"]}))
"""


def sixteen_variables() -> Problem:
    """A QUBO of 16 variables, each tied to 4 others, with integers of both signs."""
    rng = np.random.default_rng(16)
    pairs = [(u, (u + step) % 16) for u in range(16) for step in (1, 5)]
    linear = [[f"x{u}", int(weight)] for u, weight in enumerate(rng.integers(-9, 10, size=16))]
    quadratic = [[f"x{u}", f"x{v}", int(rng.integers(-9, 10))] for u, v in pairs]
    document = {"kind": "binary", "linear": linear, "quadratic": quadratic, "offset": 3}
    return read_document(json.dumps(document).encode())


def line(variables: int) -> BinaryProblem:
    """Spins in a row, each against its neighbours."""
    return BinaryProblem(
        vartype="SPIN",
        labels=tuple(range(variables)),
        linear=np.zeros(variables, dtype=np.int64),
        head=np.arange(variables - 1, dtype=np.int32),
        tail=np.arange(1, variables, dtype=np.int32),
        weight=np.ones(variables - 1, dtype=np.int64),
        offset=0,
    )


def schedule() -> Problem:
    """Two people, three tasks: 4 variables when encoded, and a makespan of 5."""
    return read_document(json.dumps(SCHEDULE).encode())


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Have these environment variables, as a vendor's SDK reads them, until the end of the block."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def take_over(backend: str, handle: Handle, problem: Problem, values: Mapping[str, str]) -> dict[str, Any]:
    """Wait for a submission and fetch it in a process of its own, which knows nothing but the handle."""
    given = {"backend": backend, "handle": dict(handle), "problem": json.loads(write_document(problem))}
    finished = subprocess.run(
        [sys.executable, "-c", TAKE_OVER],
        input=json.dumps(given),
        env={**os.environ, **values},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    told: dict[str, Any] = json.loads(finished.stdout)
    return told
