"""Assemble a binary model from its terms: one array entry for each variable and for each pair."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quantum_scheduler.problems.binary import BinaryDocument, BinaryProblem, SerialisedBqm
from quantum_scheduler.problems.model import (
    ENERGY_MAX,
    TERMS_MAX,
    VARIABLES_MAX,
    Issue,
    Label,
    Number,
    ProblemInvalid,
    ProblemTooLarge,
    VarType,
)

Floats = NDArray[np.float64]
Positions = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Terms:
    """The terms of a binary model in any order: repeated, reversed, zero and self-paired ones as they come.

    `variable`, `head` and `tail` are positions in `labels`; `bias` belongs to `variable`, `coupling` to each pair of
    `head` and `tail`. Every coefficient is finite and at most ENERGY_MAX in size, so doubles hold the integers exactly.
    """

    vartype: VarType
    labels: Sequence[Label]
    variable: ArrayLike
    bias: ArrayLike
    head: ArrayLike
    tail: ArrayLike
    coupling: ArrayLike
    offset: Number = 0


def assemble_document(document: BinaryDocument) -> BinaryProblem:
    """Build the arrays of a document; its variables keep the order in which they first appear.

    Raises ProblemInvalid, ProblemTooLarge.
    """
    if document.bqm is not None:
        others = sorted(document.model_fields_set - {"kind", "bqm"})
        if others:
            raise ProblemInvalid(Issue(field=others[0], reason="may not stand beside `bqm`, which is a whole model"))
        return assemble_bqm(document.bqm, within="bqm.")
    variable = [label for label, _ in document.linear]
    head = [u for u, _, _ in document.quadratic]
    tail = [v for _, v, _ in document.quadratic]
    pairs = chain.from_iterable(zip(head, tail, strict=True))
    position = {label: at for at, label in enumerate(dict.fromkeys(chain(variable, pairs)))}
    return assemble_terms(
        Terms(
            vartype=document.vartype,
            labels=tuple(position),
            variable=[position[label] for label in variable],
            bias=[bias for _, bias in document.linear],
            head=[position[label] for label in head],
            tail=[position[label] for label in tail],
            coupling=[bias for _, _, bias in document.quadratic],
            offset=document.offset,
        )
    )


def assemble_bqm(bqm: SerialisedBqm, *, within: str = "") -> BinaryProblem:
    """Build the arrays of dimod's serialised model; `within` is the path to it that errors begin with.

    Raises ProblemInvalid, ProblemTooLarge.
    """
    count, pairs = len(bqm.variable_labels), len(bqm.quadratic_biases)
    if len(set(bqm.variable_labels)) < count:
        raise ProblemInvalid(Issue(field=f"{within}variable_labels", reason="names a variable twice"))
    if len(bqm.linear_biases) != count:
        reason = f"must hold {count:,}, one for each variable"
        raise ProblemInvalid(Issue(field=f"{within}linear_biases", reason=reason))
    for field, positions in (("quadratic_head", bqm.quadratic_head), ("quadratic_tail", bqm.quadratic_tail)):
        if len(positions) != pairs:
            reason = f"must hold {pairs:,}, one for each of `quadratic_biases`"
            raise ProblemInvalid(Issue(field=f"{within}{field}", reason=reason))
        if max(positions, default=-1) >= count:
            reason = f"points past the last of {count:,} variables"
            raise ProblemInvalid(Issue(field=f"{within}{field}", reason=reason))
    return assemble_terms(
        Terms(
            vartype=bqm.variable_type,
            labels=bqm.variable_labels,
            variable=range(count),
            bias=bqm.linear_biases,
            head=bqm.quadratic_head,
            tail=bqm.quadratic_tail,
            coupling=bqm.quadratic_biases,
            offset=bqm.offset,
        )
    )


def assemble_terms(terms: Terms) -> BinaryProblem:
    """Add up the terms of each variable and of each pair, whatever their order.

    Sums of doubles are correctly rounded (`math.fsum`), hence the same for every order of the terms; sums of integers
    are exact. Raises ProblemInvalid for a model without variables or with energies past ENERGY_MAX, ProblemTooLarge.
    """
    count = len(terms.labels)
    _refuse_size(count, len(np.asarray(terms.coupling)))
    variable, head, tail = (np.asarray(at, dtype=np.int64) for at in (terms.variable, terms.head, terms.tail))
    # Adding zero turns -0.0 into 0.0.
    bias, coupling = (np.asarray(values, dtype=np.float64) + 0.0 for values in (terms.bias, terms.coupling))
    offset = np.asarray([terms.offset], dtype=np.float64) + 0.0
    _refuse_energy((bias, coupling, offset))

    loop = head == tail
    if terms.vartype == "BINARY":
        variable, bias = np.concatenate([variable, head[loop]]), np.concatenate([bias, coupling[loop]])
    else:
        offset = np.concatenate([offset, coupling[loop]])
    linear = np.zeros(count)
    at, sums = _sum_by_key(variable, bias)
    linear[at] = sums
    low, high = np.minimum(head, tail)[~loop], np.maximum(head, tail)[~loop]
    pair, weight = _sum_by_key(low * count + high, coupling[~loop])
    pair, weight = pair[weight != 0], weight[weight != 0]
    return _finish(terms, linear, pair, weight, math.fsum(offset.tolist()))


def _refuse_size(variables: int, pairs: int) -> None:
    if variables == 0:
        raise ProblemInvalid(Issue(field="", reason="the model has no variables"))
    if variables > VARIABLES_MAX:
        raise ProblemTooLarge(
            Issue(field="", reason=f"the model has {variables:,} variables; at most {VARIABLES_MAX:,} are taken")
        )
    if pairs > TERMS_MAX:
        raise ProblemTooLarge(
            Issue(field="", reason=f"the model has {pairs:,} pair terms; at most {TERMS_MAX:,} are taken")
        )


def _refuse_energy(coefficients: Iterable[Floats]) -> None:
    sizes = chain.from_iterable(np.abs(values).tolist() for values in coefficients)
    # The sum is rounded, but its sign is exact.
    if math.fsum(chain([-ENERGY_MAX], sizes)) > 0:
        raise ProblemInvalid(
            Issue(field="", reason=f"the sizes of all coefficients together pass {ENERGY_MAX:,}: scale the model down")
        )


def _sum_by_key(keys: Positions, values: Floats) -> tuple[Positions, Floats]:
    """Sum the values of each distinct key; the keys come out sorted."""
    order = np.argsort(keys, kind="stable")
    keys, values = keys[order], values[order]
    first = np.ones(len(keys), dtype=np.bool_)
    first[1:] = keys[1:] != keys[:-1]
    if first.all():
        return keys, values
    starts = np.flatnonzero(first)
    if _are_whole(values):
        return keys[starts], np.add.reduceat(values, starts)
    parts, ends = values.tolist(), [*starts[1:].tolist(), len(keys)]
    sums = [math.fsum(parts[start:end]) for start, end in zip(starts.tolist(), ends, strict=True)]
    return keys[starts], np.asarray(sums, dtype=np.float64)


def _are_whole(values: Floats) -> bool:
    return bool((values == np.floor(values)).all())


def _finish(terms: Terms, linear: Floats, pair: Positions, weight: Floats, offset: float) -> BinaryProblem:
    """Split the pair keys and store the coefficients as integers where all of them are."""
    count = len(terms.labels)
    integral = _are_whole(linear) and _are_whole(weight) and offset.is_integer()
    return BinaryProblem(
        vartype=terms.vartype,
        labels=tuple(terms.labels),
        linear=linear.astype(np.int64) if integral else linear,
        head=(pair // count).astype(np.int32),
        tail=(pair % count).astype(np.int32),
        weight=weight.astype(np.int64) if integral else weight,
        offset=int(offset) if integral else offset,
    )
