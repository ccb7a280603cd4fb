"""The runbooks that commands work with."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from quantum_scheduler.cli.write import open_consoles
from quantum_scheduler.runbooks.model import Runbook
from quantum_scheduler.runbooks.shelf import Shelf, read_file, read_shelf
from quantum_scheduler.settings import read_settings

SUFFIX = ".md"


def open_shelf() -> Shelf:
    """Read the library and the folder of RUNBOOKS_DIR, and say which files there are no runbooks."""
    shelf = read_shelf(read_settings(os.environ).runbooks_dir)
    _, narration = open_consoles()
    for path, reason in shelf.unreadable.items():
        narration.print(f"{path}: {reason}", soft_wrap=True)
    return shelf


def find_runbooks(which: Sequence[str]) -> Iterator[tuple[Path, Runbook]]:
    """Find runbooks by their names, or all of files, or all there are."""
    shelf: Shelf | None = None
    for name in which:
        if name.endswith(SUFFIX):
            _, document = read_file(Path(name))
            yield from ((Path(name), runbook) for runbook in document.runbooks)
            continue
        shelf = shelf or open_shelf()
        book = shelf.find(name)
        yield book.path, book.runbook
    if not which:
        yield from ((book.path, book.runbook) for _, book in sorted(open_shelf().books.items()))
