"""The reference page on formats tells the truth."""

import re
from pathlib import Path

import pytest

from quantum_scheduler.problems.fingerprint import fingerprint
from quantum_scheduler.problems.formats.detect import SUFFIXES
from quantum_scheduler.problems.model import (
    AGENTS_MAX,
    DEPENDENCIES_MAX,
    ID_LENGTH_MAX,
    RESOURCES_MAX,
    TASKS_MAX,
    TERMS_MAX,
    TIME_MAX,
    VARIABLES_MAX,
)
from quantum_scheduler.problems.read import read_problem

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "formats.md").read_text()
EXAMPLES = re.findall(r"^```\w+ (\S+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("name", "text"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_every_example_reads_by_its_name_and_by_its_content(name: str, text: str) -> None:
    assert fingerprint(read_problem(text.encode(), name=name)) == fingerprint(read_problem(text.encode()))


def test_every_format_has_an_example_and_every_suffix_is_listed() -> None:
    assert {SUFFIXES[name.rpartition(".")[2]] for name, _ in EXAMPLES} == set(SUFFIXES.values())
    assert set(re.findall(r"`\.(\w+)`", PAGE)) - {"gz"} == set(SUFFIXES)


def test_the_limits_are_the_ones_in_force() -> None:
    limits = (
        f"| variables / pair terms of a binary model | {VARIABLES_MAX:,} / {TERMS_MAX:,} |",
        f"| tasks / agents / resources | {TASKS_MAX:,} / {AGENTS_MAX:,} / {RESOURCES_MAX:,} |",
        f"| dependencies of all tasks together | {DEPENDENCIES_MAX:,} |",
        f"| an id, a label | {ID_LENGTH_MAX} characters, none of them a control character |",
        f"| a time | {TIME_MAX:,} |",
    )
    assert [limit for limit in limits if limit not in PAGE] == []
