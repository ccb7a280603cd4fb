"""How much likelier than chance one layer of QAOA finds the optimum, with the angles of the closed form and no noise.

python -m benchmarks.qaoa
"""

import numpy as np
from numpy.typing import NDArray

from quantum_scheduler.backends.qaoa.angles import Angles, choose_angles
from quantum_scheduler.backends.qaoa.ising import Ising

QUBITS = 12
MODELS = 50
DENSITY = 0.4
WEIGHT_MAX = 5
SEED = 7


def random_model(rng: np.random.Generator) -> Ising:
    """Draw a model with integer weights; each pair is there with the chance DENSITY."""
    head, tail = np.nonzero(np.triu(rng.random((QUBITS, QUBITS)) < DENSITY, k=1))
    field = rng.integers(-WEIGHT_MAX, WEIGHT_MAX + 1, size=QUBITS).astype(np.float64)
    coupling = rng.integers(-WEIGHT_MAX, WEIGHT_MAX + 1, size=len(head)).astype(np.float64)
    squares = field**2
    np.add.at(squares, head, coupling**2)
    np.add.at(squares, tail, coupling**2)
    scale = float(np.sqrt(squares).mean())
    return Ising(field=field, head=head, tail=tail, coupling=coupling, offset=0.0, scale=scale)


def energies(ising: Ising) -> NDArray[np.float64]:
    """Return the energy of every state."""
    spins = 1 - 2 * ((np.arange(2**QUBITS)[:, None] >> np.arange(QUBITS)) & 1)
    return np.asarray(spins @ ising.field + (spins[:, ising.head] * spins[:, ising.tail]) @ ising.coupling)


def chances(levels: NDArray[np.float64], angles: Angles) -> NDArray[np.float64]:
    """Return the chance of measuring each state."""
    state = np.exp(-1j * angles.gamma * levels) / 2 ** (QUBITS / 2)
    cosine, sine = np.cos(angles.beta), -1j * np.sin(angles.beta)
    for qubit in range(QUBITS):
        parts = state.reshape(-1, 2, 2**qubit)
        state = (cosine * parts + sine * parts[:, ::-1]).reshape(-1)
    return np.asarray(np.abs(state) ** 2, dtype=np.float64)


def main() -> None:
    """Print the chance of the optimum over that of drawing a state blindly."""
    rng = np.random.default_rng(SEED)
    first, mean, best = [], [], []
    for _ in range(MODELS):
        ising = random_model(rng)
        levels = energies(ising)
        optimal = np.isclose(levels, levels.min())
        found = [float(chances(levels, pair)[optimal].sum() / optimal.mean()) for pair in choose_angles(ising)]
        first.append(found[0])
        mean.append(np.mean(found))
        best.append(max(found) / found[0])
    print(f"{MODELS} random models of {QUBITS} variables, no noise")
    print(f"first pair: {np.median(first):.0f} times as likely as chance (median; the least {min(first):.0f})")
    print(f"grid of 20: {np.median(mean):.0f} times (median of the means)")
    print(f"best pair of the grid over the first: {np.median(best):.2f} (median)")


if __name__ == "__main__":
    main()
