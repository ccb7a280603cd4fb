import numpy as np
import pytest

from quantum_scheduler.backends.classical.choose import METHODS
from quantum_scheduler.backends.fit import MethodUnknown
from quantum_scheduler.backends.load import BackendUnknown
from quantum_scheduler.backends.model import BackendError, Limits
from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.model import VARIABLES_MAX
from quantum_scheduler.solving.choose import check_fit, choose_backend
from quantum_scheduler.solving.model import SolveRequest


def unjoined(count: int) -> BinaryProblem:
    none = np.zeros(0, dtype=np.int32)
    return BinaryProblem(
        vartype="BINARY",
        labels=tuple(range(count)),
        linear=np.ones(count, dtype=np.int64),
        head=none,
        tail=none,
        weight=np.zeros(0, dtype=np.int64),
        offset=0,
    )


@pytest.mark.parametrize(
    ("asked", "chosen"), [("auto", "classical"), ("classical", "classical"), ("simulator", "simulator")]
)
def test_a_name_is_taken_at_its_word_and_auto_is_classical(asked: str, chosen: str) -> None:
    assert choose_backend(SolveRequest(backend=asked)).name == chosen


def test_an_unknown_name_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(BackendUnknown, match=r"classical.*simulator"):
        choose_backend(SolveRequest(backend="abacus"))


def test_classical_takes_every_problem_the_service_takes() -> None:
    check_fit(choose_backend(SolveRequest()), unjoined(VARIABLES_MAX), Limits())


@pytest.mark.parametrize("method", ["auto", *METHODS["binary"]])
def test_a_method_of_the_backend_is_taken(method: str) -> None:
    check_fit(choose_backend(SolveRequest()), unjoined(3), Limits(method=method))


@pytest.mark.parametrize(("backend", "method"), [("classical", "list"), ("simulator", "tabu")])
def test_a_method_the_backend_has_not_is_refused_with_those_it_has(backend: str, method: str) -> None:
    with pytest.raises(MethodUnknown, match=f"{backend} solves no binary problem by '{method}'; choose from auto"):
        check_fit(choose_backend(SolveRequest(backend=backend)), unjoined(3), Limits(method=method))


def test_a_problem_the_backend_has_no_room_for_is_refused_with_both_numbers() -> None:
    with pytest.raises(BackendError, match=r"5,001 .* 5,000") as raised:
        check_fit(choose_backend(SolveRequest(backend="simulator")), unjoined(5_001), Limits())
    assert raised.value.kind == "too_large"
