"""The binary model: minimise a quadratic function of binary (0, 1) or spin (-1, 1) variables."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, ConfigDict, FailFast, Field, Strict
from pydantic_core import PydanticCustomError

from quantum_scheduler.problems.document import Coefficient, Document, LabelField
from quantum_scheduler.problems.model import TERMS_MAX, VARIABLES_MAX, Label, Number, VarType

if TYPE_CHECKING:
    import dimod


def _not_bytes(value: Any) -> Any:
    """Refuse the serialised form that packs its numbers as bytes."""
    if value is not False:
        raise PydanticCustomError("use_bytes", "must be false: write the model with `to_serializable(use_bytes=False)`")
    return value


Position = Annotated[int, Field(ge=0, lt=VARIABLES_MAX)]
Bias = Annotated[tuple[LabelField, Coefficient], Strict(False)]
Coupling = Annotated[tuple[LabelField, LabelField, Coefficient], Strict(False)]


class SerialisedBqm(Document):
    """A binary model as dimod's `BinaryQuadraticModel.to_serializable(use_bytes=False)` writes it (its schema 3.0.0).

    `quadratic_head` and `quadratic_tail` are positions in `variable_labels`. Its other fields describe the file only
    and are not read.
    """

    model_config = ConfigDict(extra="ignore")

    type: Literal["BinaryQuadraticModel"]
    use_bytes: Annotated[Literal[False], BeforeValidator(_not_bytes)] = False
    variable_type: VarType
    variable_labels: Annotated[list[LabelField], FailFast(), Field(max_length=VARIABLES_MAX)]
    linear_biases: Annotated[list[Coefficient], FailFast(), Field(max_length=VARIABLES_MAX)]
    quadratic_head: Annotated[list[Position], FailFast(), Field(max_length=TERMS_MAX)]
    quadratic_tail: Annotated[list[Position], FailFast(), Field(max_length=TERMS_MAX)]
    quadratic_biases: Annotated[list[Coefficient], FailFast(), Field(max_length=TERMS_MAX)]
    offset: Coefficient = 0


class BinaryDocument(Document):
    """A binary model as the customer writes it: as lists of terms, or as dimod's serialised BQM in `bqm`.

    The energy of an assignment x is offset + sum of bias x[v] over `linear` + sum of bias x[u] x[v] over `quadratic`.
    A variable or a pair may be repeated, and a pair reversed; its biases add up. A term that pairs a variable with
    itself is linear in a BINARY model (x x = x) and constant in a SPIN model (s s = 1).
    """

    kind: Literal["binary"] = "binary"
    vartype: VarType = Field(default="BINARY", description="BINARY: values 0 and 1. SPIN: values -1 and 1.")
    linear: Annotated[list[Bias], FailFast(), Field(max_length=TERMS_MAX)] = Field(
        default_factory=list, description="Terms [variable, bias]."
    )
    quadratic: Annotated[list[Coupling], FailFast(), Field(max_length=TERMS_MAX)] = Field(
        default_factory=list, description="Terms [variable, variable, bias]."
    )
    offset: Coefficient = 0
    bqm: SerialisedBqm | None = Field(
        default=None, description="dimod's `BQM.to_serializable(use_bytes=False)`, in place of the other fields."
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BinaryProblem:
    """A binary model as arrays, validated: each pair once, `head < tail`, no zero pair terms, every value finite.

    With n = `len(labels)` variables and m pair terms: `linear` has shape (n,), `head`, `tail` (int32 positions in
    `labels`) and `weight` have shape (m,). `linear` and `weight` are int64 and `offset` an int where `integral`, else
    float64 and float.
    """

    vartype: VarType
    labels: tuple[Label, ...]
    linear: NDArray[np.int64] | NDArray[np.float64]
    head: NDArray[np.int32]
    tail: NDArray[np.int32]
    weight: NDArray[np.int64] | NDArray[np.float64]
    offset: Number
    kind: Literal["binary"] = "binary"

    @property
    def integral(self) -> bool:
        """Whether every coefficient is an integer, so that energies are exact integers."""
        return self.linear.dtype == np.int64

    def to_bqm(self) -> "dimod.BinaryQuadraticModel":
        """The same model for dimod samplers, with the customer's labels."""
        import dimod  # noqa: PLC0415  takes as long to import as a small solve

        return dimod.BinaryQuadraticModel.from_numpy_vectors(
            self.linear.astype(np.float64),
            (self.head, self.tail, self.weight.astype(np.float64)),
            float(self.offset),
            dimod.as_vartype(self.vartype),
            variable_order=self.labels,
        )

    def to_document(self) -> dict[str, Any]:
        """The same model as JSON-ready terms, readable as a `BinaryDocument`."""
        labels = self.labels
        return {
            "kind": "binary",
            "vartype": self.vartype,
            "linear": [[label, bias] for label, bias in zip(labels, self.linear.tolist(), strict=True)],
            "quadratic": [
                [labels[u], labels[v], bias]
                for u, v, bias in zip(self.head.tolist(), self.tail.tolist(), self.weight.tolist(), strict=True)
            ],
            "offset": self.offset,
        }
