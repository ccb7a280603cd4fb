"""Tell which format a text is in: by the name of its file, else by what it says."""

import re
from collections.abc import Sequence
from itertools import islice
from typing import Literal

from quantum_scheduler.problems.formats.lines import split_lines
from quantum_scheduler.problems.model import Issue, ProblemInvalid

Format = Literal["json", "yaml", "qbsolv", "rudy", "patterson", "imopse"]

SUFFIXES: dict[str, Format] = {
    "json": "json",
    "yaml": "yaml",
    "yml": "yaml",
    "qubo": "qbsolv",
    "txt": "rudy",
    "rcp": "patterson",
    "def": "imopse",
}
# What only this format says, at the start of a line.
_MARKS: Sequence[tuple[Format, re.Pattern[str]]] = (
    ("json", re.compile(r"\A\s*[\[{]")),
    ("qbsolv", re.compile(r"^p\s+qubo\s", re.MULTILINE)),
    ("imopse", re.compile(r"^(?:ResourceID|TaskID)\s", re.MULTILINE)),
    ("yaml", re.compile(r"^[\"']?kind[\"']?\s*:", re.MULTILINE)),
)
_TWO_NUMBERS = re.compile(r"\d+\s+\d+", re.ASCII)


def detect_format(text: str, name: str = "") -> Format:
    """Name the format of `text`, which came from a file called `name` if that is known. Raises ProblemInvalid."""
    suffix = name.lower().removesuffix(".gz").rpartition(".")[2]
    if suffix in SUFFIXES:
        return SUFFIXES[suffix]
    for form, mark in _MARKS:
        if mark.search(text):
            return form
    head = [line for _, line in islice(split_lines(text), 4)]
    if head and _TWO_NUMBERS.fullmatch(head[0]):
        # Both begin with two counts; only a graph goes on with edges of three numbers each.
        return "rudy" if all(len(line.split()) == 3 for line in head[1:]) else "patterson"
    known = "JSON, YAML, qbsolv, rudy (Gset), Patterson (PSPLIB) nor iMOPSE"
    raise ProblemInvalid(Issue(field="", reason=f"the document is in no known format: neither {known}"))
