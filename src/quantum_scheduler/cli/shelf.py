"""The runbooks that commands work with."""

import os

from quantum_scheduler.cli.write import open_consoles
from quantum_scheduler.runbooks.shelf import Shelf, read_shelf
from quantum_scheduler.settings import read_settings


def open_shelf() -> Shelf:
    """Read the library and the folder of RUNBOOKS_DIR, and say which files there are no runbooks."""
    shelf = read_shelf(read_settings(os.environ).runbooks_dir)
    _, narration = open_consoles()
    for path, reason in shelf.unreadable.items():
        narration.print(f"{path}: {reason}", soft_wrap=True)
    return shelf
