"""Read a problem from any supported format, and write it down again as our own JSON."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import to_json

from quantum_scheduler.problems.assemble import assemble_bqm, assemble_document
from quantum_scheduler.problems.binary import BinaryDocument, BinaryProblem, SerialisedBqm
from quantum_scheduler.problems.explain import explain
from quantum_scheduler.problems.formats.detect import Format, detect_format
from quantum_scheduler.problems.formats.imopse import parse_imopse
from quantum_scheduler.problems.formats.patterson import parse_patterson
from quantum_scheduler.problems.formats.qbsolv import parse_qbsolv
from quantum_scheduler.problems.formats.rudy import parse_rudy
from quantum_scheduler.problems.formats.yaml import yaml_to_json
from quantum_scheduler.problems.problem import Problem, ProblemDocument
from quantum_scheduler.problems.schedule import ScheduleProblem
from quantum_scheduler.problems.unpack import decode_text, unpack_text
from quantum_scheduler.problems.validate import check_schedule

_DOCUMENT: TypeAdapter[ScheduleProblem | BinaryDocument] = TypeAdapter(ProblemDocument)
_BARE_BQM = "BinaryQuadraticModel"


def read_problem(data: bytes, *, name: str = "") -> Problem:
    """Read a problem in any supported format, gzip or not; `name` is the file's name, if it has one.

    A suffix that is known decides the format, else the content does. Raises ProblemInvalid, ProblemTooLarge.
    """
    text = unpack_text(data)
    problem = _READERS[detect_format(text, name)](text)
    if isinstance(problem, ScheduleProblem):
        check_schedule(problem)
    return problem


def read_document(document: bytes) -> Problem:
    """Read a problem written as our own JSON. Raises ProblemInvalid, ProblemTooLarge."""
    problem = _read_ours(decode_text(document))
    if isinstance(problem, ScheduleProblem):
        check_schedule(problem)
    return problem


def write_document(problem: Problem) -> bytes:
    """Write a problem as our own JSON, compactly; `read_document` gives the same problem back."""
    if isinstance(problem, BinaryProblem):
        return to_json(problem.to_document())
    return problem.model_dump_json(exclude_none=True).encode()


def describe_problem(problem: Problem) -> dict[str, Any]:
    """Say in a few words what a problem is and how large, for lists."""
    if isinstance(problem, BinaryProblem):
        return {
            "kind": problem.kind,
            "vartype": problem.vartype,
            "variables": len(problem.labels),
            "terms": len(problem.weight),
        }
    return {
        "kind": problem.kind,
        "tasks": len(problem.tasks),
        "agents": len(problem.agents),
        "resources": len(problem.resources),
        "dependencies": sum(len(task.dependencies) for task in problem.tasks),
        "objective": problem.objective.kind,
    }


def _read_ours(text: str) -> Problem:
    try:
        document = _DOCUMENT.validate_json(text)
    except ValidationError as error:
        raise explain(error) from None
    return assemble_document(document) if isinstance(document, BinaryDocument) else document


def _read_json(text: str) -> Problem:
    """Read our own JSON, or a model that dimod has written and nobody has wrapped."""
    if not _is_bare_bqm(text):
        return _read_ours(text)
    try:
        bqm = SerialisedBqm.model_validate_json(text)
    except ValidationError as error:
        raise explain(error) from None
    return assemble_bqm(bqm)


class _Opening(BaseModel):
    """The fields that tell our own document from dimod's."""

    kind: Any = None
    type: Any = None


def _is_bare_bqm(text: str) -> bool:
    if f'"{_BARE_BQM}"' not in text:
        return False
    try:
        opening = _Opening.model_validate_json(text)
    except ValidationError:
        return False
    return opening.kind is None and opening.type == _BARE_BQM


def _read_yaml(text: str) -> Problem:
    return _read_json(yaml_to_json(text))


_READERS: Mapping[Format, Callable[[str], Problem]] = {
    "json": _read_json,
    "yaml": _read_yaml,
    "qbsolv": parse_qbsolv,
    "rudy": parse_rudy,
    "patterson": parse_patterson,
    "imopse": parse_imopse,
}
