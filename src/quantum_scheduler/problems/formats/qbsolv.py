"""The qbsolv format for QUBOs, `.qubo`.

Source: D-Wave, "qbsolv Input File Format", https://docs.ocean.dwavesys.com/projects/qbsolv/en/latest/source/format.html
Lines that start with `c` are comments. `p qubo topology maxNodes nNodes nCouplers` comes first, then nNodes lines
`i i weight` and nCouplers lines `i j weight`; nodes are numbered from 0 to maxNodes - 1. Files in use couple nodes that
they do not list, so every node up to maxNodes is a variable here.

The format does not state a sense; qbsolv minimises unless told otherwise. The Beasley and Glover-Kochenberger-Alidaee
problems of the OR-Library, https://people.brunel.ac.uk/~mastjjb/jeb/orlib/bqpinfo.html, are to be maximised, and their
conversions say in a comment that they come `from beasley file ...`.
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

_PROGRAM = re.compile(rf"p\s+qubo\s+\S+\s+({WHOLE})\s+({WHOLE})\s+({WHOLE})", re.ASCII)
_TO_MAXIMISE = re.compile(r"^c.*\bfrom beasley file\b", re.MULTILINE)


def parse_qbsolv(text: str) -> BinaryProblem:
    """Read a QUBO to be minimised; its labels are the node numbers.

    The weights of an OR-Library problem, which is to be maximised, are negated. Raises ProblemInvalid, ProblemTooLarge.
    """
    lines = ((number, line) for number, line in split_lines(text) if not line.startswith("c"))
    nodes, linear, couplers = _read_program(lines)
    low: list[int] = []
    high: list[int] = []
    weights: list[float] = []
    seen: set[int] = set()
    for number, line in lines:
        i, j, weight = read_term(number, line)
        if i > j:
            i, j = j, i
        if j >= nodes:
            raise refuse_line(number, f"node {j} is past the last one, {nodes - 1}")
        if len(seen) == linear + couplers:
            raise refuse_line(number, f"the header states only {linear:,} nodes and {couplers:,} couplers")
        seen.add(i * nodes + j)
        if len(seen) == len(low):
            raise refuse_line(number, f"{i} {j} has a weight already")
        low.append(i)
        high.append(j)
        weights.append(weight)
    head, tail = np.asarray(low, dtype=np.int64), np.asarray(high, dtype=np.int64)
    bias = np.asarray(weights, dtype=np.float64) * (-1 if _TO_MAXIMISE.search(text) else 1)
    node = head == tail
    check_count("nodes", int(node.sum()), linear)
    check_count("couplers", int((~node).sum()), couplers)
    return assemble_terms(
        Terms(
            vartype="BINARY",
            labels=range(nodes),
            variable=head[node],
            bias=bias[node],
            head=head[~node],
            tail=tail[~node],
            coupling=bias[~node],
        )
    )


def _read_program(lines: Iterator[tuple[int, str]]) -> tuple[int, int, int]:
    """Read maxNodes, nNodes and nCouplers."""
    for number, line in lines:
        program = _PROGRAM.fullmatch(line)
        if program is None:
            raise refuse_line(number, "expected the program line `p qubo topology maxNodes nNodes nCouplers`")
        nodes, linear, couplers = (int(count) for count in program.groups())
        refuse_count(number, "nodes", max(nodes, linear), VARIABLES_MAX)
        refuse_count(number, "couplers", couplers, TERMS_MAX)
        return nodes, linear, couplers
    raise ProblemInvalid(Issue(field="", reason="the file has no program line `p qubo ...`"))
