"""Look at the machine on which this process runs: who uses its memory, and what is left of its disk."""

from dataclasses import dataclass
from pathlib import Path

import psutil

from quantum_scheduler.monitoring.host import CGROUP, measure_disk, measure_memory

PROCESSES_LISTED_MAX = 10
MB = 2**20
GB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessMemory:
    """One process and the memory that it alone holds."""

    pid: int
    name: str
    memory_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryUse:
    """The memory of this machine, or of the container where that has less: `used_share` is from 0 to 1.

    `processes` are those that hold the most, of all that this one may see.
    """

    total_mb: float
    available_mb: float
    used_share: float
    swap_used_mb: float
    largest_pid: int
    largest_name: str
    largest_mb: float
    processes: tuple[ProcessMemory, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskUse:
    """The disk that holds a folder: `used_share` is from 0 to 1."""

    folder: str
    total_gb: float
    free_gb: float
    used_share: float


def inspect_memory(cgroup: Path = CGROUP) -> MemoryUse:
    """`host.memory`: look at the memory of the machine on which this runs, and at who holds most of it."""
    memory = measure_memory(cgroup)
    largest = sorted(_list_processes(), key=lambda each: -each.memory_mb)[:PROCESSES_LISTED_MAX]
    first = largest[0] if largest else ProcessMemory(pid=0, name="", memory_mb=0.0)
    return MemoryUse(
        total_mb=round(memory.total / MB, 1),
        available_mb=round(memory.free / MB, 1),
        used_share=round(memory.used_ratio, 4),
        swap_used_mb=round(psutil.swap_memory().used / MB, 1),
        largest_pid=first.pid,
        largest_name=first.name,
        largest_mb=first.memory_mb,
        processes=tuple(largest),
    )


def inspect_disk(folder: Path) -> DiskUse:
    """`host.disk`: look at what is left of the disk that holds a folder."""
    disk = measure_disk(folder)
    return DiskUse(
        folder=str(folder),
        total_gb=round(disk.total / GB, 2),
        free_gb=round(disk.free / GB, 2),
        used_share=round(disk.used_ratio, 4),
    )


def _list_processes() -> list[ProcessMemory]:
    found = []
    for process in psutil.process_iter():
        try:
            memory_mb = round(process.memory_info().rss / MB, 1)
            found.append(ProcessMemory(pid=process.pid, name=process.name()[:100], memory_mb=memory_mb))
        except psutil.Error:  # it has ended meanwhile, or belongs to somebody else
            continue
    return found
