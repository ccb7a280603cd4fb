"""Moments as people type them."""

from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter

Moment = Annotated[str, Parameter(help="A time such as 2026-11-22T09:00+01:00; UTC where it says no zone.")]


class MomentInvalid(ValueError):  # noqa: N818  an error is named for what happened
    """What was typed is no time."""


def read_moment(text: str) -> datetime:
    """Read a time. Raises MomentInvalid."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise MomentInvalid(f"{text!r} is no time, such as 2026-11-22T09:00+01:00") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
