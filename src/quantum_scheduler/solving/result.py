"""Write a result as data that JSON can hold, and read it back."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from quantum_scheduler.solving.model import Result


def write_result(result: Result) -> dict[str, Any]:
    """Write a result, field by field."""
    return {field.name: getattr(result, field.name) for field in fields(Result)}


def read_result(document: Mapping[str, Any]) -> Result:
    """Read what `write_result` wrote. Raises TypeError where a field is unknown or missing."""
    return Result(**document)
