"""Chance that can be repeated: one stream of pseudo-random numbers for each search."""

import numpy as np
from numpy.typing import NDArray

from quantum_scheduler.backends.classical.list_search.compile import part

Stream = NDArray[np.uint64]


def stream_of(seed: int, branch: int) -> Stream:
    """Start the stream of one branch of a seeded search."""
    return np.random.SeedSequence((seed, branch)).generate_state(1, np.uint64) | np.uint64(1)


@part
def below(stream: Stream, bound: int) -> int:
    """Draw an integer from 0 up to, not including, `bound` (below 2**31): xorshift64*, Vigna 2016."""
    state = stream[0]
    state ^= state >> np.uint64(12)
    state ^= state << np.uint64(25)
    state ^= state >> np.uint64(27)
    stream[0] = state
    high = (state * np.uint64(0x2545F4914F6CDD1D)) >> np.uint64(33)
    return np.int64((high * np.uint64(bound)) >> np.uint64(31))
