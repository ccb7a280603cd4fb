"""Embed a model into the graph of a QPU: each variable becomes a chain of coupled qubits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import dimod

# For the heuristic, on models that a clique embedding wastes qubits on. It must be short: it runs inside `submit`.
SEARCH_TIMEOUT_S = 5
# Of all pairs: from here on, where a clique does not fit nothing else does, and its embedding takes no time.
DENSE = 0.5
# Below, the heuristic takes a moment only, and minorminer's clique embedding of 5 to 8 variables into a Zephyr graph
# aborts the process (0.2.22, std::bad_alloc).
CLIQUE_VARIABLES_MIN = 20
SEED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """A spin model on qubits. `chains[v]` are the qubits of variable v.

    A read of intact chains is worth `offset` more in the model than on the qubits.
    """

    linear: Mapping[int, float]
    quadratic: Mapping[tuple[int, int], float]
    offset: float
    chains: Sequence[Sequence[int]]


def embed_model(bqm: "dimod.BinaryQuadraticModel", properties: Mapping[str, Any]) -> Embedded | None:
    """Embed a spin model, labelled by position, into the graph of a solver; None where that fails.

    The same model and graph give the same embedding, unless the machine is so slow that the search runs out of time.
    """
    from dwave.embedding import embed_bqm  # noqa: PLC0415  a backend that is not used costs nothing
    from dwave.embedding.chain_strength import uniform_torque_compensation  # noqa: PLC0415

    couplers = [(int(u), int(v)) for u, v in properties["couplers"]]
    pairs = bqm.num_variables * (bqm.num_variables - 1) / 2
    dense = bqm.num_variables >= CLIQUE_VARIABLES_MIN and bqm.num_interactions >= DENSE * pairs
    found = _find_clique(bqm.num_variables, properties, couplers)
    if not dense:
        found = min((embedding for embedding in (found, _search(bqm, couplers)) if embedding), key=_size, default=None)
    if not found:
        return None
    adjacency: dict[int, set[int]] = {int(qubit): set() for qubit in properties["qubits"]}
    for u, v in couplers:
        adjacency[u].add(v)
        adjacency[v].add(u)
    target = embed_bqm(bqm, found, adjacency, chain_strength=uniform_torque_compensation)
    return Embedded(
        linear={int(qubit): float(bias) for qubit, bias in target.linear.items()},
        quadratic={(int(u), int(v)): float(bias) for (u, v), bias in target.quadratic.items()},
        offset=float(target.offset),
        chains=[[int(qubit) for qubit in found[v]] for v in range(bqm.num_variables)],
    )


def read_chains(
    qubits: NDArray[np.int8], chains: Sequence[Sequence[int]]
) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """Let the qubits of each chain vote, and say which chains disagreed; both of shape (reads, variables).

    `qubits` holds spins by the qubit's number, shape (reads, all qubits).
    """
    votes = np.stack([qubits[:, chain].sum(axis=1, dtype=np.int64) for chain in map(list, chains)], axis=1)
    lengths = np.array([len(chain) for chain in chains])
    return np.where(votes >= 0, 1, -1).astype(np.int8), np.abs(votes) != lengths


def _size(embedding: Mapping[int, Sequence[int]]) -> int:
    return sum(map(len, embedding.values()))


def _find_clique(
    count: int, properties: Mapping[str, Any], couplers: Sequence[tuple[int, int]]
) -> Mapping[int, Sequence[int]] | None:
    """Embed a complete graph, which any model is a part of, in a graph of a known family."""
    import dwave.graphs  # noqa: PLC0415
    from minorminer import busclique  # noqa: PLC0415

    topology = properties.get("topology", {})
    families = {"zephyr": dwave.graphs.zephyr_graph, "pegasus": dwave.graphs.pegasus_graph}
    family = families.get(topology.get("type"))
    if family is None or count < CLIQUE_VARIABLES_MIN:
        return None
    graph = family(*topology["shape"], node_list=properties["qubits"], edge_list=couplers)
    found: Mapping[int, Sequence[int]] = busclique.find_clique_embedding(count, graph, use_cache=False)
    return found or None


def _search(
    bqm: "dimod.BinaryQuadraticModel", couplers: Sequence[tuple[int, int]]
) -> Mapping[int, Sequence[int]] | None:
    import minorminer  # noqa: PLC0415

    # A variable without any pair is only there as a pair with itself.
    pairs = [*bqm.quadratic, *((v, v) for v in bqm.linear)]
    found: Mapping[int, Sequence[int]] = minorminer.find_embedding(
        pairs, couplers, random_seed=SEED, timeout=SEARCH_TIMEOUT_S
    )
    return found or None
