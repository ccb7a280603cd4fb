"""The house keeps its own rules: what no linter checks, these tests read from the tree."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src").rglob("*.py"))
PROSE = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
DRAWERS = {"service", "services", "manager", "managers", "utils", "util", "helpers", "helper", "common", "base", "core"}
LINES_MAX = 400


def test_no_file_is_a_drawer_for_things_without_a_place() -> None:
    assert not [path for path in SOURCES if DRAWERS & {path.stem, path.parent.name}]


def test_every_file_reads_in_one_sitting() -> None:
    assert not [path for path in SOURCES if len(path.read_text().splitlines()) > LINES_MAX]


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        f"{path.relative_to(ROOT)} -> {target}"
        for path in PROSE
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text())
        if "://" not in target and not (path.parent / target).exists()
    ]
    assert not broken


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text()
    assert not [page.name for page in folder.glob("*.md") if page.name != "README.md" and page.name not in index]


def test_migrations_are_numbered_without_gaps() -> None:
    folder = ROOT / "src" / "quantum_scheduler" / "postgres" / "migrations"
    numbers = [int(path.name[:4]) for path in sorted(folder.glob("*.sql"))]
    assert numbers == list(range(1, len(numbers) + 1))
    assert numbers
