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
# The longest stretch without a report.
BATCH_S = 1.0
# Different reads that are handed on at the end.
CANDIDATES_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """So many reads of so many sweeps each, in batches."""

    reads: int
    sweeps: int
    batch: int


def plan_reads(problem: BinaryProblem, time_limit_s: float) -> Plan:
    """Plan what the time limit is worth: a function of the model and the limit only, never of the clock."""
    sweep_s = SWEEP_VARIABLE_S * len(problem.labels) + SWEEP_TERM_S * len(problem.head)
    sweeps = min(SWEEPS_MAX, max(1, int(time_limit_s / (READS_AIM * sweep_s))))
    read_s = sweeps * sweep_s
    reads = min(READS_MAX, max(1, int(time_limit_s / read_s)))
    return Plan(reads=reads, sweeps=sweeps, batch=max(1, int(BATCH_S / read_s)))


def sample_paths(problem: BinaryProblem, limits: Limits, report: Report, stop: Stop) -> Answer:
    """Anneal as often as the time limit is worth, and answer with the best different reads.

    Each read is let fall to the bottom of its valley, as the reads of real annealers usually are; `info` tells what
    they were before.
    """
    model = SpinModel(problem)
    plan = plan_reads(problem, limits.time_limit_s)
    seeds = np.random.SeedSequence(limits.seed).generate_state(-(-plan.reads // plan.batch))
    raw: list[Spins] = []
    done = 0
    best = np.inf
    for seed in seeds.tolist():
        if done and stop():
            break
        raw.append(_anneal(model, min(plan.batch, plan.reads - done), plan.sweeps, seed=(seed >> 1) | 1, stop=stop))
        done += len(raw[-1])
        least = float(model.energies(raw[-1]).min())
        if least < best:
            best = least
            report(objective=round(least) if problem.integral else least)
    reads = np.concatenate(raw)
    fallen = np.unique(model.descend(reads), axis=0)
    ranked = fallen[np.argsort(model.energies(fallen), kind="stable")[:CANDIDATES_MAX]]
    states = [model.state(spins) for spins in ranked]
    info = {
        "method": "simulated quantum annealing (path-integral Monte Carlo), then steepest descent",
        "reads": done,
        "sweeps": plan.sweeps,
        "mean_energy": float(model.energies(reads).mean()),
        "best_energy_before_descent": best,
    }
    return Answer(
        solutions=tuple(name_values(problem, state) for state in states),
        complete=done == plan.reads,
        claimed_objective=measure_energy(problem, states[0]),
        info=info,
    )


def _anneal(model: SpinModel, reads: int, sweeps: int, *, seed: int, stop: Stop) -> Spins:
    """Lower the transverse field over random states, at a constant temperature; at least one read is done.

    The seed has 31 bits and is not 0, which to the sampler means any.
    """
    cold = COLDNESS / model.field
    sampler = PathIntegralAnnealingSampler()  # type: ignore[no-untyped-call]  # dwave-samplers types half of itself
    samples = sampler.sample(
        model.bqm,
        num_reads=reads,
        beta_schedule_type="custom",
        Hp_field=np.full(sweeps, cold),
        Hd_field=np.linspace(COLDNESS * TRANSVERSE, 0, sweeps),
        seed=seed,
        interrupt_function=stop,
    )
    return model.read(samples)
