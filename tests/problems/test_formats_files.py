"""The public file formats: what they mean here, and what of a damaged file is named."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.formats.detect import detect_format
from quantum_scheduler.problems.formats.imopse import parse_imopse
from quantum_scheduler.problems.formats.patterson import parse_patterson
from quantum_scheduler.problems.formats.qbsolv import parse_qbsolv
from quantum_scheduler.problems.formats.rudy import parse_rudy
from quantum_scheduler.problems.model import ProblemInvalid, ProblemTooLarge
from quantum_scheduler.problems.read import read_problem

DATA = Path(__file__).parents[1] / "data"
QUBO = "c a comment\np qubo 0 4 2 2\n0 0 -41.0\n2 2 7\nc another\n0 2 5\n2 1 -3\n"
RUDY = "3 2\n1 2 5\n2 3 -1\n"
RCP = (DATA / "diamond.rcp").read_text()
DEF = (DATA / "five.def").read_text()


def energies(problem: BinaryProblem) -> NDArray[np.float32]:
    """The energy of every assignment, small enough to be exact; bit k of its number is the value of variable k."""
    count = len(problem.labels)
    values = ((np.arange(2**count)[:, None] >> np.arange(count)) & 1).astype(np.float32)
    couplings = np.zeros((count, count), dtype=np.float32)
    couplings[problem.head, problem.tail] = problem.weight
    energy: NDArray[np.float32] = values @ problem.linear.astype(np.float32)
    energy += np.einsum("ij,ij->i", values @ couplings, values)
    return energy + np.float32(problem.offset)


def test_a_qubo_is_minimised_as_it_is_written() -> None:
    problem = parse_qbsolv(QUBO)
    assert problem.labels == (0, 1, 2, 3)
    assert problem.linear.tolist() == [-41, 0, 7, 0]
    assert (problem.head.tolist(), problem.tail.tolist(), problem.weight.tolist()) == ([0, 1], [2, 2], [5, -3])
    assert problem.integral


def test_a_fraction_in_a_qubo_is_kept() -> None:
    problem = parse_qbsolv("p qubo unconstrained 2 0 1\n0 1 -2.5e-1\n")
    assert problem.weight.tolist() == [-0.25]


def test_an_or_library_problem_is_maximised() -> None:
    problem = read_problem((DATA / "bqpqka_9.qubo.gz").read_bytes(), name="bqpqka_9.qubo.gz")
    assert isinstance(problem, BinaryProblem)
    assert energies(problem).min() == -133


def test_the_least_energy_of_a_graph_is_minus_its_largest_cut() -> None:
    problem = parse_rudy((DATA / "wheel.txt").read_text())
    assert problem.labels == (1, 2, 3, 4, 5)
    cuts = [
        sum(w for i, j, w in edges_of_the_wheel() if (side >> (i - 1) & 1) != (side >> (j - 1) & 1))
        for side in range(32)
    ]
    assert energies(problem).tolist() == [-cut for cut in cuts]
    assert energies(problem).min() == -7


def edges_of_the_wheel() -> list[tuple[int, int, int]]:
    return [(1, 2, 1), (2, 3, 1), (3, 4, 1), (4, 1, 1), (1, 5, -2), (2, 5, 3), (3, 5, 1)]


def test_a_repeated_edge_adds_up_and_a_vertex_without_edges_counts() -> None:
    problem = parse_rudy("4 2\n1 2 3\n2 1 4\n")
    assert problem.labels == (1, 2, 3, 4)
    assert (problem.linear.tolist(), problem.weight.tolist()) == ([-7, -7, 0, 0], [14])


def test_a_project_becomes_tasks_that_use_resources() -> None:
    problem = parse_patterson(RCP)
    assert [(resource.id, resource.capacity) for resource in problem.resources] == [("R1", 4), ("R2", 3)]
    assert [task.id for task in problem.tasks] == ["1", "2", "3", "4", "5", "6"]
    assert [task.duration for task in problem.tasks] == [0, 3, 4, 2, 5, 0]
    assert problem.tasks[2].uses == {"R1": 3}
    assert [task.dependencies for task in problem.tasks] == [(), ("1",), ("1",), ("1",), ("2", "3"), ("4", "5")]
    assert {task.agents for task in problem.tasks} == {0}
    assert problem.objective.kind == "makespan"


def test_a_multi_skill_project_becomes_agents_and_tasks() -> None:
    problem = parse_imopse(DEF)
    assert [(agent.id, agent.cost, agent.skills) for agent in problem.agents] == [
        ("1", 12.5, {"Q0": 2, "Q1": 0}),
        ("2", 20.0, {"Q1": 1, "Q2": 1}),
        ("3", 9.9, {"Q2": 2}),
    ]
    assert [task.id for task in problem.tasks] == ["1", "2", "4", "7", "9"]
    assert problem.tasks[2].skills == {"Q2": 2}
    assert problem.tasks[2].dependencies == ("1", "2")
    assert {task.agents for task in problem.tasks} == {1}


@pytest.mark.parametrize(
    ("text", "field", "reason"),
    [
        ("c nothing\n", "", "no program line"),
        ("0 1 2\n", "line 1", "p qubo"),
        ("\np qubo 0 4\n", "line 2", "p qubo"),
        (QUBO.replace("2 1 -3", "2 9 -3"), "line 7", "node 9 is past the last one, 3"),
        (QUBO.replace("2 1 -3", "2 -1 -3"), "line 7", "i j w"),
        (QUBO.replace("2 1 -3", "2 1"), "line 7", "i j w"),
        (QUBO.replace("2 1 -3", "2 1 nan"), "line 7", "i j w"),
        (QUBO.replace("2 1 -3", "2 1 1_0"), "line 7", "i j w"),
        (QUBO.replace("2 1 -3", "2 1 1e999"), "line 7", "must be between"),
        (QUBO.replace("2 1 -3", "2 0 -3"), "line 7", "0 2 has a weight already"),
        (QUBO + "1 3 1\n", "line 8", "only 2 nodes and 2 couplers"),
        (QUBO.replace("2 1 -3\n", ""), "", "holds 1 couplers where its header states 2"),
        (QUBO.replace("2 1 -3", "3 3 1"), "", "holds 3 nodes where its header states 2"),
        ("p qubo 0 0 0 0\n", "", "no variables"),
    ],
)
def test_a_damaged_qubo_is_refused(text: str, field: str, reason: str) -> None:
    assert_refused(text, "p.qubo", field, reason)


@pytest.mark.parametrize(
    ("text", "field", "reason"),
    [
        ("3 2 1\n", "line 1", "`n m`"),
        (RUDY.replace("2 3 -1", "0 3 -1"), "line 3", "from 1 to 3"),
        (RUDY.replace("2 3 -1", "2 4 -1"), "line 3", "from 1 to 3"),
        (RUDY.replace("2 3 -1", "2 2 -1"), "line 3", "to itself"),
        (RUDY.replace("2 3 -1", "2 3"), "line 3", "i j w"),
        (RUDY + "1 3 1\n", "line 4", "only 2 edges"),
        (RUDY.replace("2 3 -1\n", ""), "", "holds 1 edges where its header states 2"),
    ],
)
def test_a_damaged_graph_is_refused(text: str, field: str, reason: str) -> None:
    assert_refused(text, "p.txt", field, reason)


@pytest.mark.parametrize(
    ("text", "field", "reason"),
    [
        ("six 2\n", "line 1", "the number of tasks must be a whole number"),
        ("6\n", "", "ends where the number of resources should be"),
        (RCP.replace("0     0     0     0\n", ""), "", "ends where the duration of task 6 should be: it is cut short"),
        (RCP + "7\n", "line 10", "more than the header states"),
        (RCP.replace("1     5\n", "1     9\n"), "line 4", "task 2 has the successor 9; tasks go from 1 to 6"),
        (RCP.replace("4     3     0     1", "-4     3     0     1"), "line 5", "the duration of task 3"),
        (RCP.replace("4     3     0     1", "4     5     0     1"), "tasks[2].uses", "asks for 5 of 'R1', which has 4"),
        (
            RCP.replace("5     2     2     1     6", "5     2     2     1     2"),
            "tasks[1].dependencies",
            "'2' -> '5' -> '2'",
        ),
    ],
)
def test_a_damaged_project_is_refused(text: str, field: str, reason: str) -> None:
    assert_refused(text, "p.rcp", field, reason)


@pytest.mark.parametrize(
    ("text", "field", "reason"),
    [
        ("hello\n", "", "does not state `Tasks"),
        (DEF.replace("Tasks: 5\n", ""), "line 16", "does not state `Tasks"),
        (DEF.replace("Tasks: 5", "Tasks: 4"), "line 21", "only 4 tasks"),
        (DEF.replace("Tasks: 5", "Tasks: 6"), "", "holds 5 tasks where its header states 6"),
        (DEF.replace("Resources: 3", "Resources: 4"), "", "holds 3 resources where its header states 4"),
        (DEF.replace("relations: 4", "relations: 5"), "", "holds 4 precedence relations where its header states 5"),
        (DEF[: DEF.index("\n9\t")], "", "holds 4 tasks"),
        (DEF.replace("Q2: 2\t \t1", "Q2 2\t \t1"), "line 19", "expected a task"),
        (DEF.replace("20.0", "-20"), "line 13", "expected a resource"),
        (DEF.replace("Q1: 1 \t  Q2: 1", "Q1: 1 \t  Q1: 2"), "line 13", "same skill twice"),
        (DEF.replace("Q0: 1\t", "Q0: 3\t"), "tasks[0].skills", "'Q0' at level 3"),
        (DEF.replace("\t4\n9", "\t5\n9"), "tasks[3].dependencies[0]", "no task is called '5'"),
    ],
)
def test_a_damaged_multi_skill_project_is_refused(text: str, field: str, reason: str) -> None:
    assert_refused(text, "p.def", field, reason)


def assert_refused(text: str, name: str, field: str, reason: str) -> None:
    with pytest.raises(ProblemInvalid) as caught:
        read_problem(text.encode(), name=name)
    (issue,) = caught.value.issues
    assert issue.field == field
    assert reason in issue.reason


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("p qubo 0 10000000 1 1\n", "p.qubo"),
        ("p qubo 0 5 1 10000000\n", "p.qubo"),
        ("10000000 1\n", "p.txt"),
        ("5 10000000\n", "p.txt"),
        ("10001 4\n", "p.rcp"),
        ("5 1001\n", "p.rcp"),
        ("Tasks: 10001\n", "p.def"),
        ("Precedence relations: 200001\n", "p.def"),
    ],
)
def test_a_header_past_the_limits_is_refused_before_anything_is_read(text: str, name: str) -> None:
    with pytest.raises(ProblemTooLarge, match="line 1: announces"):
        read_problem((text + "the rest is never looked at\n").encode(), name=name)


@pytest.mark.parametrize(
    ("text", "name", "form"),
    [
        ("", "a/b/Problem.JSON", "json"),
        ("", "p.yml.gz", "yaml"),
        ("", "p.qubo.gz", "qbsolv"),
        (' {"kind": 1}', "", "json"),
        ("[1]", "p.dat", "json"),
        ("# comment\nkind: schedule\n", "", "yaml"),
        (QUBO, "", "qbsolv"),
        (RUDY, "stdin", "rudy"),
        ("3 3\n1 2 1\n1 3 1\n2 3 1\n", "", "rudy"),
        (RCP, "", "patterson"),
        ("2 3\n1 2 1\n0 0 0 0 1 2\n0 0 0 0 0\n", "", "patterson"),
        (DEF, "gz", "imopse"),
    ],
)
def test_the_suffix_decides_the_format_and_without_one_the_content(text: str, name: str, form: str) -> None:
    assert detect_format(text, name) == form


@pytest.mark.parametrize("text", ["hello", "<xml/>", "1 2 3 4", "\x00\x01"])
def test_an_unknown_format_is_refused(text: str) -> None:
    with pytest.raises(ProblemInvalid, match="in no known format"):
        detect_format(text, "p.dat")
