"""The angles of a one-layer QAOA, chosen before anything runs: its mean energy has a closed form.

The circuit prepares exp(-i beta sum X) exp(-i gamma H) |+...+>. Its expectations on Ising models with fields are those
of Ozaeta, van Dam and McMahon, "Expectation values from the single-layer QAOA on Ising problems", Quantum Sci.
Technol. 7 (2022) 045036.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quantum_scheduler.backends.qaoa.ising import Ising

# In units of 1 / (2 scale): where the phase angles are looked for. Beyond it the mean energy only ripples.
GAMMA_MAX = 3.0
GAMMAS = 96
BETAS = 64
# The grid around the best pair: devices over- and under-rotate, and the pair of the least mean energy is not quite the
# pair of the likeliest optimum.
GAMMA_FACTORS = (1.0, 1.2, 0.8, 1.4, 0.6)
BETA_FACTORS = (1.0, 1.2, 0.8, 0.6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Angles:
    """One pair, in radians, and the mean energy that a device without noise would measure with it."""

    gamma: float
    beta: float
    mean_energy: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Profile:
    """The mean energy at one gamma as a function of beta: offset + a sin 2b + b sin 4b + c sin^2 2b."""

    once: float
    twice: float
    square: float

    def energies(self, beta: NDArray[np.float64]) -> NDArray[np.float64]:
        sine = np.sin(2 * beta)
        return self.once * sine + self.twice * np.sin(4 * beta) + self.square * sine**2


def choose_angles(ising: Ising, *, pairs: int = len(GAMMA_FACTORS) * len(BETA_FACTORS)) -> tuple[Angles, ...]:
    """Choose the best pair, first, and up to `pairs` in all around it."""
    betas = np.linspace(-np.pi / 4, np.pi / 4, 2 * BETAS + 1)
    gammas = np.linspace(0, GAMMA_MAX, GAMMAS + 1)[1:] / (2 * ising.scale)
    energies = np.array([_profile(ising, gamma).energies(betas) for gamma in gammas])
    best_gamma, best_beta = np.unravel_index(int(energies.argmin()), energies.shape)
    grid = [(g, b) for g in GAMMA_FACTORS for b in BETA_FACTORS]
    # The nearest to the best pair first.
    grid.sort(key=lambda factors: abs(factors[0] - 1) + abs(factors[1] - 1))
    return tuple(
        _evaluate(ising, float(gammas[best_gamma]) * gamma, float(betas[best_beta]) * beta)
        for gamma, beta in grid[:pairs]
    )


def _evaluate(ising: Ising, gamma: float, beta: float) -> Angles:
    change = _profile(ising, gamma).energies(np.array([beta]))[0]
    return Angles(gamma=gamma, beta=beta, mean_energy=ising.offset + float(change))


def _profile(ising: Ising, gamma: float) -> _Profile:
    """Sum up the closed form over all terms of the Hamiltonian; time and memory go with pairs times qubits."""
    angle = np.zeros((ising.qubits, ising.qubits))
    angle[ising.head, ising.tail] = angle[ising.tail, ising.head] = 2 * gamma * ising.coupling
    field = 2 * gamma * ising.field
    head, tail = ising.head, ising.tail
    pair = np.arange(len(head))
    # Of each pair, what the other qubits see of its two ends; the pair itself is left out.
    one, other = angle[head], angle[tail]
    one[pair, tail] = other[pair, head] = 0.0
    one[pair, head] = other[pair, tail] = 0.0
    once = ising.field @ (np.sin(field) * np.cos(angle).prod(axis=1))
    ends = np.cos(field[head]) * np.cos(one).prod(axis=1) + np.cos(field[tail]) * np.cos(other).prod(axis=1)
    twice = ising.coupling @ (np.sin(2 * gamma * ising.coupling) * ends) / 2
    same = np.cos(field[head] + field[tail]) * np.cos(one + other).prod(axis=1)
    against = np.cos(field[head] - field[tail]) * np.cos(one - other).prod(axis=1)
    square = ising.coupling @ (against - same) / 2
    return _Profile(once=float(once), twice=float(twice), square=float(square))
