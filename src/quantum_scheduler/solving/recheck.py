"""Verify a recalled answer on the customer's own model, in a process of its own as every other use of a whole core."""

import json
import math
from collections.abc import Callable

from quantum_scheduler.problems.read import read_document
from quantum_scheduler.problems.solution import read_solution
from quantum_scheduler.problems.verify import verify

# Sums of floats may differ in the last places where the input came in another order.
OBJECTIVE_TOLERANCE = 1e-9


def recheck(argument: bytes, report: Callable[[bytes], None]) -> bytes:
    """Verify the stored `result` of {"problem", "result"} and return it marked as cached, or null if it is wrong."""
    del report
    given = json.loads(argument)
    result = given["result"]
    verdict = verify(read_document(json.dumps(given["problem"]).encode()), read_solution(result["solution"]))
    if not verdict.feasible or verdict.objective is None:
        return b"null"
    if not math.isclose(verdict.objective, result["objective"], rel_tol=OBJECTIVE_TOLERANCE):
        return b"null"
    checked = {"objective": verdict.objective, "measures": dict(verdict.measures), "verified": True, "cached": True}
    return json.dumps(result | checked).encode()
