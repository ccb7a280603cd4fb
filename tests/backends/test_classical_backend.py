"""The classical backend: what comes before the clock starts."""

from typing import Any

import pytest

from quantum_scheduler.backends.classical import ClassicalBackend
from quantum_scheduler.backends.classical.list_search import kernels as of_lists
from quantum_scheduler.backends.classical.search import kernels as of_states
from quantum_scheduler.problems.problem import Problem
from quantum_scheduler.problems.read import read_document

SCHEDULE = read_document(b'{"kind": "schedule", "agents": [{"id": "a"}], "tasks": [{"id": "t", "duration": 1}]}')
BINARY = read_document(b'{"kind": "binary", "linear": [["x", -1]]}')


@pytest.mark.parametrize(
    ("problem", "load"),
    [(SCHEDULE, of_lists.load_kernels), (BINARY, of_states.load_kernels)],
    ids=["schedule", "binary"],
)
def test_kernels_are_compiled_before_the_time_limit_begins(problem: Problem, load: Any) -> None:
    load.cache_clear()
    ClassicalBackend().load_search(problem)
    assert load.cache_info().currsize == 1
