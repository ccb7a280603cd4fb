"""The cursor of a list of jobs: opaque text that asks for the next page."""

import base64
import binascii
import json
from uuid import UUID

CURSOR_LENGTH_MAX = 200

_VERSION = 1


class CursorUnreadable(ValueError):  # noqa: N818  an error is named for what happened
    """The cursor is none that this service gave out."""

    def __init__(self) -> None:
        super().__init__("the cursor is not one of this service: use `next_cursor` of the page before, as it is")


def write_cursor(before: UUID) -> str:
    """Write the cursor that continues just before the job `before`."""
    cursor = json.dumps({"v": _VERSION, "before": before.hex}, separators=(",", ":"))
    return base64.urlsafe_b64encode(cursor.encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> UUID:
    """Read the job before which a page begins. Raises CursorUnreadable."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        content = json.loads(raw)
        if content["v"] != _VERSION:
            raise CursorUnreadable
        return UUID(content["before"])
    except (binascii.Error, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise CursorUnreadable from None
