"""Read a text format line by line, so that an error names its line."""

import re
from collections.abc import Iterator
from io import StringIO

from quantum_scheduler.problems.model import ENERGY_MAX, Issue, ProblemInvalid, ProblemTooLarge

# At most nine digits: every limit is smaller, and longer texts need not be turned into numbers to be refused.
WHOLE = r"\d{1,9}"
DECIMAL = r"[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,3})?"
_TERM = re.compile(rf"({WHOLE})\s+({WHOLE})\s+({DECIMAL})", re.ASCII)


def split_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line that is not blank, stripped, with its number from 1."""
    for number, line in enumerate(StringIO(text), 1):
        if stripped := line.strip():
            yield number, stripped


def read_term(number: int, line: str) -> tuple[int, int, float]:
    """Read `i j weight`. Raises ProblemInvalid."""
    term = _TERM.fullmatch(line)
    if term is None:
        raise refuse_line(number, "expected two whole numbers and a weight: i j w")
    weight = float(term[3])
    if not -ENERGY_MAX < weight < ENERGY_MAX:
        raise refuse_line(number, f"the weight must be between -{ENERGY_MAX:,} and {ENERGY_MAX:,}")
    return int(term[1]), int(term[2]), weight


def refuse_line(number: int, reason: str) -> ProblemInvalid:
    """The error of one line."""
    return ProblemInvalid(Issue(field=f"line {number}", reason=reason))


def refuse_count(number: int, what: str, count: int, most: int) -> None:
    """Refuse a count that a file announces and that is over its limit. Raises ProblemTooLarge."""
    if count > most:
        reason = f"announces {count:,} {what}; at most {most:,} are taken"
        raise ProblemTooLarge(Issue(field=f"line {number}", reason=reason))


def check_count(what: str, found: int, stated: int) -> None:
    """Refuse a file that holds fewer or more than its header states. Raises ProblemInvalid."""
    if found != stated:
        reason = f"the file holds {found:,} {what} where its header states {stated:,}: it is cut short or damaged"
        raise ProblemInvalid(Issue(field="", reason=reason))
