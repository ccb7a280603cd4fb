"""The numbers of the machine that watches: of the container, where that may use less memory."""

import os
from dataclasses import dataclass
from pathlib import Path

import psutil

# Where the memory of a container is limited, and how much of it is used; in version 2 of control groups.
CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How much there is of something, and how much of it is left, in bytes; `used_ratio` is from 0 to 1."""

    total: float
    free: float
    used_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HostStats:
    """A machine at one moment; the shares are from 0 to 1."""

    memory_used_ratio: float
    disk_used_ratio: float
    load: float


def host_stats(folder: Path) -> HostStats:
    """Look at this machine, and at the disk that holds `folder`."""
    return HostStats(
        memory_used_ratio=measure_memory().used_ratio,
        disk_used_ratio=measure_disk(folder).used_ratio,
        load=os.getloadavg()[0] / (os.cpu_count() or 1),
    )


def measure_memory(cgroup: Path = CGROUP) -> Room:
    """Say how much memory this machine has, or the container where it may use less."""
    memory = psutil.virtual_memory()
    total, free = float(memory.total), float(memory.available)
    limit, used = _read_number(cgroup / "memory.max"), _read_number(cgroup / "memory.current")
    if limit is not None and used is not None and limit < total:
        # What is cached of files is given back when it is needed.
        used -= _read_cached(cgroup / "memory.stat")
        total, free = limit, min(free, max(0.0, limit - used))
    return Room(total=total, free=free, used_ratio=1 - free / total)


def measure_disk(folder: Path) -> Room:
    """Say how large the disk is that holds a folder; what only root may use counts as neither used nor free."""
    disk = psutil.disk_usage(str(folder))
    return Room(total=float(disk.total), free=float(disk.free), used_ratio=disk.used / (disk.used + disk.free))


def memory_used_ratio(stats: HostStats) -> float:
    """`host.memory_used_ratio`: share of the memory of the machine (or container) that watches which is not left."""
    return stats.memory_used_ratio


def disk_used_ratio(stats: HostStats) -> float:
    """`host.disk_used_ratio`: share of the disk with the data folder, on the machine that watches, which is used."""
    return stats.disk_used_ratio


def load(stats: HostStats) -> float:
    """`host.load`: processes that ran or wanted to in the last minute, a processor, on the machine that watches."""
    return stats.load


def _read_number(path: Path) -> float | None:
    """Read a number of the control group; None where it has none, or no limit."""
    try:
        return float(path.read_text())
    except (OSError, ValueError):
        return None


def _read_cached(path: Path) -> float:
    try:
        words = dict(line.split(maxsplit=1) for line in path.read_text().splitlines())
        return float(words.get("inactive_file", 0))
    except (OSError, ValueError):
        return 0.0
