"""The words a customer's document is written in: ids, labels, times and numbers, each with its limits."""

from dataclasses import dataclass
from typing import Annotated, Any, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema

from quantum_scheduler.problems.model import ENERGY_MAX, ID_LENGTH_MAX, LEVEL_MAX, TIME_MAX, WEIGHT_MAX

# Names are shown in terminals and pages and stored in databases, none of which takes control characters well.
_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"


class Document(BaseModel):
    """A part of a problem as the customer writes it: unknown fields are refused, values are not guessed."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)


@dataclass(frozen=True, slots=True)
class OneReason:
    """Lets a union fail with one plain reason at the field itself instead of one for each of its members."""

    reason: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        own_words = {"custom_error_type": "one_reason", "custom_error_message": self.reason}
        return cast("CoreSchema", {**handler(source), **own_words})


def text_of(value: Any) -> Any:
    """Read an integer name as its decimal text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Name = Annotated[str, Field(min_length=1, max_length=ID_LENGTH_MAX, pattern=_PRINTABLE)]
Id = Annotated[Name, BeforeValidator(text_of, json_schema_input_type=Name | int)]
Time = Annotated[int, Field(ge=0, le=TIME_MAX)]
Level = Annotated[int, Field(ge=0, le=LEVEL_MAX)]
Weight = Annotated[
    Annotated[int, Field(ge=0, le=WEIGHT_MAX)] | Annotated[float, Field(ge=0, le=WEIGHT_MAX)],
    OneReason(f"must be a number from 0 to {WEIGHT_MAX:,}"),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": WEIGHT_MAX}),
]

LabelField = Annotated[
    Annotated[int, Field(ge=-ENERGY_MAX, le=ENERGY_MAX)]
    | Annotated[str, Field(max_length=ID_LENGTH_MAX, pattern=_PRINTABLE)],
    OneReason(f"must be a whole number, or text of at most {ID_LENGTH_MAX} characters without control characters"),
]
# The bound of the float is open, because a whole number just past ENERGY_MAX is rounded to it.
Coefficient = Annotated[
    Annotated[int, Field(ge=-ENERGY_MAX, le=ENERGY_MAX)] | Annotated[float, Field(gt=-ENERGY_MAX, lt=ENERGY_MAX)],
    OneReason(f"must be a finite number between -{ENERGY_MAX:,} and {ENERGY_MAX:,}"),
    WithJsonSchema({"type": "number", "minimum": -ENERGY_MAX, "maximum": ENERGY_MAX}),
]
