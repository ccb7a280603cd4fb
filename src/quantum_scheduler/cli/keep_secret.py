"""Keep a secret in a file that only its owner can read."""

import os
from pathlib import Path


def read_secret(file: Path) -> str | None:
    """Read what a file of this user holds, or None where there is nothing to read."""
    try:
        return file.read_text(encoding="ascii").strip() or None
    except (OSError, UnicodeError):
        return None


def write_secret(file: Path, text: str) -> None:
    """Write a file whole or not at all."""
    draft = file.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as opened:
        opened.write(text + "\n")
    draft.replace(file)
