"""Read the files that a person names."""

import sys
from pathlib import Path
from typing import BinaryIO


class FileUnreadable(Exception):  # noqa: N818  an error is named for what happened
    """The file cannot be read; the message names it and the reason."""


def read_file(source: str, *, bytes_max: int) -> tuple[bytes, str]:
    """Return the bytes and the name of a file, or of standard input when `source` is `-`. Raises FileUnreadable."""
    if source == "-":
        return _read(sys.stdin.buffer, "standard input", bytes_max), ""
    try:
        with Path(source).open("rb") as file:
            return _read(file, source, bytes_max), Path(source).name
    except (OSError, ValueError) as error:  # a name may hold a zero byte
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise FileUnreadable(f"{source}: {reason}") from error


def _read(file: BinaryIO, name: str, bytes_max: int) -> bytes:
    data = file.read(bytes_max + 1)
    if len(data) > bytes_max:
        raise FileUnreadable(f"{name}: holds more than {bytes_max} bytes (REQUEST_BYTES_MAX)")
    if not data:
        raise FileUnreadable(f"{name}: is empty")
    return data
