"""The cases: instance files with their best-known values, and schedules generated from a seed."""

import csv
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from quantum_scheduler.problems.problem import Problem
from quantum_scheduler.problems.read import read_problem

# Makespans of the iMOPSE set d36 (agent cost left out); 100_10_47_9 and 200_40_91_15 are proven.
IMOPSE_BEST = {"100_10_47_9": 251, "200_10_84_9": 506, "200_20_145_15": 233, "200_40_91_15": 127}
QUICK = {"bqp100_1", "bqp1000_5", "G1", "G22", "G32", "j60_13_3", "100_10_47_9", "tardiness_100x10"}
GENERATED = {"tardiness_100x10": (100, 10), "tardiness_1000x40": (1000, 40)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One problem of the contest. `best` is the least objective known, None where only this contest knows one."""

    name: str
    group: str
    path: Path
    best: int | None

    def read(self) -> Problem:
        """Read the problem from its file."""
        return read_problem(self.path.read_bytes(), name=self.path.name)


def find_cases(instances: Path, generated: Path) -> list[Case]:
    """Find the instances of the folder that have a best-known value, and generate the others into `generated`."""
    return [*find_binary_cases(instances), *_find_schedules(instances), *_generate_tardiness(generated)]


def find_binary_cases(instances: Path) -> Iterator[Case]:
    """Find the binary models of the folder that have a best-known value."""
    best = _read_qubo_best(instances / "qubo" / "best_known.json")
    for path in sorted((instances / "qubo").glob("*.qubo.gz")):
        name = path.name.removesuffix(".qubo.gz")
        if name in best:
            yield Case(name=name, group="QUBO", path=path, best=-best[name])
    cuts = {row["Instance"]: int(row["Value"]) for row in _read_rows(instances / "maxcut" / "best_known.csv")}
    for path in sorted((instances / "maxcut").glob("*.txt.gz")):
        name = path.name.removesuffix(".txt.gz")
        if name in cuts:
            yield Case(name=name, group="Max-Cut", path=path, best=-cuts[name])


def _find_schedules(instances: Path) -> Iterator[Case]:
    for path in sorted((instances / "rcpsp").glob("*.rcp.gz")):
        name = path.name.removesuffix(".rcp.gz")
        family, group, number = name.split("_")
        rows = _read_rows(instances / "rcpsp" / f"best_known_{family}.csv")
        known = {row["problem"]: row["optimum"] for row in rows}.get(f"{family}{group}_{number}.sm")
        if known is not None:
            # An interval is lower bound..upper bound.
            yield Case(name=name, group="RCPSP", path=path, best=int(known.rpartition("..")[2]))
    for path in sorted((instances / "imopse").glob("*.def.gz")):
        name = path.name.removesuffix(".def.gz")
        if name in IMOPSE_BEST:
            yield Case(name=name, group="Skills, makespan", path=path, best=IMOPSE_BEST[name])


def _read_qubo_best(file: Path) -> Mapping[str, int]:
    known: Mapping[str, int] = json.loads(file.read_text()) if file.exists() else {}
    return known


def _read_rows(file: Path) -> list[dict[str, str]]:
    if not file.exists():
        return []
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def _generate_tardiness(folder: Path) -> Iterator[Case]:
    for name, (tasks, agents) in GENERATED.items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(generate_tardiness(tasks, agents, seed=1)))
        yield Case(name=name, group="Skills, weighted tardiness", path=path, best=None)


def generate_tardiness(tasks: int, agents: int, *, seed: int) -> dict[str, object]:
    """Generate a tight plan: up to eight skills of which each agent holds a few, and due dates for a busy crew."""
    chance = random.Random(seed)
    skills = [f"skill{number}" for number in range(min(8, agents))]
    crew = [
        {
            "id": f"a{number}",
            "skills": sorted({skills[number % len(skills)], *chance.sample(skills, chance.randint(1, 3))}),
        }
        for number in range(agents)
    ]
    length = 10 * tasks // agents
    work = []
    for number in range(tasks):
        release = chance.randint(0, length // 2)
        duration = chance.randint(2, 18)
        work.append(
            {
                "id": f"t{number}",
                "duration": duration,
                "skills": [chance.choice(skills)],
                "priority": chance.randint(1, 9),
                "release": release,
                "deadline": release + duration + chance.randint(0, length // 2),
                "dependencies": [f"t{chance.randrange(number)}"] if number and chance.random() < 0.3 else [],
            }
        )
    return {"kind": "schedule", "agents": crew, "tasks": work, "objective": "weighted_tardiness"}
