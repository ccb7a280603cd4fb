"""The binary model: minimise a quadratic function of binary (0, 1) or spin (-1, 1) variables."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import dimod
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from quantum_scheduler.problems.model import ID_LENGTH_MAX, TERMS_MAX, Label, Number, VarType
from quantum_scheduler.problems.schedule import Document

LabelField = Annotated[int, Field(ge=-(2**53), le=2**53)] | Annotated[str, Field(max_length=ID_LENGTH_MAX)]


class BinaryDocument(Document):
    """A binary model as the customer writes it: as lists of terms, or as dimod's serialised BQM in `bqm`.

    The energy of an assignment x is offset + sum of bias x[v] over `linear` + sum of bias x[u] x[v] over `quadratic`.
    A pair may be repeated or reversed; its biases add up. A term that pairs a variable with itself is linear in a
    BINARY model (x x = x) and constant in a SPIN model (s s = 1).
    """

    kind: Literal["binary"] = "binary"
    vartype: VarType = "BINARY"
    linear: Annotated[list[tuple[LabelField, Number]], Field(max_length=TERMS_MAX)] = Field(default_factory=list)
    quadratic: Annotated[list[tuple[LabelField, LabelField, Number]], Field(max_length=TERMS_MAX)] = Field(
        default_factory=list
    )
    offset: Number = 0
    bqm: dict[str, Any] | None = Field(
        default=None, description="dimod's `BQM.to_serializable(use_bytes=False)`; excludes the other fields."
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

    def to_bqm(self) -> dimod.BinaryQuadraticModel:
        """The same model for dimod samplers, with the customer's labels."""
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
