"""Take a problem in whatever form the caller has it."""

import json
import math
import os
from collections.abc import Hashable, Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any

import dimod
import numpy as np

from quantum_scheduler.problems.assemble import Terms, assemble_terms
from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.model import DOCUMENT_BYTES_MAX, ID_LENGTH_MAX, Issue, Label, ProblemInvalid
from quantum_scheduler.problems.problem import Problem
from quantum_scheduler.problems.read import read_problem
from quantum_scheduler.problems.schedule import ScheduleProblem
from quantum_scheduler.problems.validate import check_schedule

Given = Problem | Mapping[str, Any] | str | os.PathLike[str] | dimod.BinaryQuadraticModel


def take_problem(given: Given) -> Problem:
    """Make a valid problem of a problem, a mapping, the path of a file or a dimod BQM.

    Raises ProblemInvalid, ProblemTooLarge; OSError where the file cannot be read; TypeError for anything else.
    """
    if isinstance(given, ScheduleProblem):
        check_schedule(given)
        return given
    if isinstance(given, BinaryProblem):
        return given
    if isinstance(given, dimod.BinaryQuadraticModel):
        return take_bqm(given, labels=_check_labels(list(given.variables)))
    if isinstance(given, str | os.PathLike):
        return _read_file(Path(given))
    if isinstance(given, Mapping):
        return _read_mapping(given)
    kinds = "a ScheduleProblem, a BinaryProblem, a mapping, the path of a file or a dimod BQM"
    raise TypeError(f"a problem must be {kinds}, not {type(given).__name__}")


def take_bqm(bqm: dimod.BinaryQuadraticModel, *, labels: Sequence[Label]) -> BinaryProblem:
    """Make a problem of a BQM, its variables named by `labels` in the order of `bqm.variables`.

    Raises ProblemInvalid, ProblemTooLarge.
    """
    # A model of Python objects would cut its fractions to integers where its first numbers are integers.
    doubles = dimod.BinaryQuadraticModel(bqm, dtype=np.float64)
    vectors = doubles.to_numpy_vectors(variable_order=list(bqm.variables))
    linear, (head, tail, coupling) = vectors.linear_biases, vectors.quadratic
    offset = float(doubles.offset)
    if not (np.isfinite(linear).all() and np.isfinite(coupling).all() and math.isfinite(offset)):
        raise ProblemInvalid(Issue(field="", reason="every bias and the offset must be a finite number"))
    return assemble_terms(
        Terms(
            vartype="SPIN" if bqm.vartype is dimod.SPIN else "BINARY",
            labels=labels,
            variable=range(len(labels)),
            bias=linear,
            head=head,
            tail=tail,
            coupling=coupling,
            offset=offset,
        )
    )


def _check_labels(variables: Sequence[Hashable]) -> list[Label]:
    """Return dimod's labels where a result, which is JSON, can name them; numpy's integers as Python's."""
    return [_check_label(variable) for variable in variables]


def _check_label(variable: object) -> Label:
    if isinstance(variable, str):
        if len(variable) > ID_LENGTH_MAX:
            reason = f"{variable[:ID_LENGTH_MAX]!r} has more than {ID_LENGTH_MAX} characters"
            raise ProblemInvalid(Issue(field="variables", reason=reason))
        return str(variable)
    if isinstance(variable, Integral) and not isinstance(variable, bool):
        return int(variable)
    reason = f"{variable!r} is neither a whole number nor text; QuantumSchedulerSampler takes any label"
    raise ProblemInvalid(Issue(field="variables", reason=reason))


def _read_file(path: Path) -> Problem:
    with path.open("rb") as file:
        return read_problem(file.read(DOCUMENT_BYTES_MAX + 1), name=path.name)


def _read_mapping(document: Mapping[str, Any]) -> Problem:
    try:
        text = json.dumps(dict(document))
    except (TypeError, ValueError) as error:
        raise ProblemInvalid(Issue(field="", reason=f"cannot be written as JSON: {error}")) from None
    return read_problem(text.encode(), name="problem.json")
