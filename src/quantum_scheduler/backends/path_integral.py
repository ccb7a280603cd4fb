"""Simulated quantum annealing: path-integral Monte Carlo of spins in a transverse field that is lowered to nothing.

Kadowaki and Nishimori, Phys. Rev. E 58 (1998) 5355; the sampler is `PathIntegralAnnealingSampler` of dwave-samplers.
"""

from dataclasses import dataclass

import numpy as np
from dwave.samplers import PathIntegralAnnealingSampler

from quantum_scheduler.backends.energy import measure_energy, name_values
from quantum_scheduler.backends.local import Report, Stop
from quantum_scheduler.backends.model import Answer, Limits
from quantum_scheduler.backends.spins import SpinModel, Spins
from quantum_scheduler.problems.binary import BinaryProblem

# In units of the model's field: the inverse temperature, constant, and the transverse field at the beginning.
COLDNESS = 10.0
TRANSVERSE = 1.0
# Seconds for one sweep, for each variable and each pair term: twice to three times what one idle core of a 2-core cloud
# machine of 2026 takes.
SWEEP_VARIABLE_S = 4e-6
SWEEP_TERM_S = 0.3e-6
# As many reads and sweeps as fit into the time limit up to these; the first of them go into more than one sweep.
READS_MAX = 100
SWEEPS_MAX = 500
READS_AIM = 10
# Reads between two looks at the progress, and different ones handed on at the end.
BATCH = 10
CANDIDATES_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """So many reads of so many sweeps: a function of the model and the time limit only."""

    reads: int
    sweeps: int


def sample_paths(problem: BinaryProblem, limits: Limits, report: Report, stop: Stop) -> Answer:
    """Anneal as often as the time limit is worth, and answer with the best different reads.

    Each read is let fall to the bottom of its valley, as is usual with the reads of real annealers; `info` tells how
    good they were before.
    """
    model = SpinModel(problem)
    plan = plan_reads(problem, limits.time_limit_s)
    ...
