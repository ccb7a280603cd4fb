"""The rudy format for weighted graphs, `.txt`, as in the Gset Max-Cut collection.

Source: G. Rinaldi's generator `rudy` and Y. Ye's Gset, https://web.stanford.edu/~yyye/yyye/Gset/
The first line is `n m`; each of m lines `i j w` is an edge of weight w; vertices are numbered from 1 to n.
"""

import re
from collections.abc import Iterator

import numpy as np

from quantum_scheduler.problems.assemble import Terms, assemble_terms
from quantum_scheduler.problems.binary import BinaryProblem
from quantum_scheduler.problems.formats.lines import (
    WHOLE,
    check_count,
    read_term,
    refuse_count,
    refuse_line,
    split_lines,
)
from quantum_scheduler.problems.model import TERMS_MAX, VARIABLES_MAX, Issue, ProblemInvalid

_HEADER = re.compile(rf"({WHOLE})\s+({WHOLE})", re.ASCII)


def parse_rudy(text: str) -> BinaryProblem:
    """Read a graph as Max-Cut: the sum over edges of w (2 x_i x_j - x_i - x_j) is minus the weight of the cut.

    Labels are the vertex numbers; the two sides of the cut are the values 0 and 1. A repeated edge adds up.
    Raises ProblemInvalid, ProblemTooLarge.
    """
    lines = split_lines(text)
    vertices, edges = _read_header(lines)
    head: list[int] = []
    tail: list[int] = []
    weights: list[float] = []
    for number, line in lines:
        i, j, weight = read_term(number, line)
        if not (1 <= i <= vertices and 1 <= j <= vertices):
            raise refuse_line(number, f"the vertices are numbered from 1 to {vertices}")
        if i == j:
            raise refuse_line(number, f"the edge joins vertex {i} to itself")
        if len(head) == edges:
            raise refuse_line(number, f"the header states only {edges:,} edges")
        head.append(i - 1)
        tail.append(j - 1)
        weights.append(weight)
    check_count("edges", len(head), edges)
    weight_of = np.asarray(weights, dtype=np.float64)
    return assemble_terms(
        Terms(
            vartype="BINARY",
            labels=range(1, vertices + 1),
            variable=[*head, *tail],
            bias=np.concatenate([-weight_of, -weight_of]),
            head=head,
            tail=tail,
            coupling=2 * weight_of,
        )
    )


def _read_header(lines: Iterator[tuple[int, str]]) -> tuple[int, int]:
    """Read the number of vertices and of edges."""
    for number, line in lines:
        header = _HEADER.fullmatch(line)
        if header is None:
            raise refuse_line(number, "expected the header `n m`: how many vertices, how many edges")
        vertices, edges = int(header[1]), int(header[2])
        refuse_count(number, "vertices", vertices, VARIABLES_MAX)
        refuse_count(number, "edges", edges, TERMS_MAX)
        return vertices, edges
    raise ProblemInvalid(Issue(field="", reason="the file has no header `n m`"))
