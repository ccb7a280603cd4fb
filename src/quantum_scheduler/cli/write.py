"""Write what a person or a program reads: consoles, JSON documents, files."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

PIPED_WIDTH = 160


class FileUnwritable(Exception):  # noqa: N818  an error is named for what happened
    """The file cannot be written; the message names it and the reason."""


def open_consoles() -> tuple[Console, Console]:
    """Return a console for answers on standard output and one for narration on standard error.

    Neither writes control codes where nobody could see them, or any colour where NO_COLOR is set.
    """
    return (
        _open_console(is_terminal=sys.stdout.isatty(), stderr=False),
        _open_console(is_terminal=sys.stderr.isatty(), stderr=True),
    )


def format_json(document: Any) -> str:
    """Write a document as one line of JSON; ids and times become text."""
    return json.dumps(document, allow_nan=False, default=str) + "\n"


def write_json(document: Any) -> None:
    """Print one JSON document on standard output."""
    sys.stdout.write(format_json(document))
    sys.stdout.flush()


def write_answer(document: Any, text: str, *, json: bool) -> int:
    """Print an answer as one JSON document or as text, and return the exit code of a command that is done."""
    if json:
        write_json(document)
    else:
        open_consoles()[0].print(text, soft_wrap=True)
    return 0


def check_writable(*paths: Path | None) -> None:
    """Raise FileUnwritable now for what could not be written after minutes of work; None is no file."""
    for path in paths:
        if path is None:
            continue
        if path.is_dir():
            raise FileUnwritable(f"{path}: is a folder")
        if not path.parent.is_dir():
            raise FileUnwritable(f"{path}: there is no folder {path.parent}")
        if not os.access(path.parent, os.W_OK):
            raise FileUnwritable(f"{path}: the folder may not be written to")


def write_file(path: Path, text: str) -> None:
    """Write a file whole or not at all. Raises FileUnwritable."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        try:
            draft.write_text(text, encoding="utf-8")
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise FileUnwritable(f"{path}: {reason}") from error


def _open_console(*, is_terminal: bool, stderr: bool) -> Console:
    width = None if is_terminal or "COLUMNS" in os.environ else PIPED_WIDTH
    return Console(stderr=stderr, width=width, highlight=False, emoji=False, markup=False)
