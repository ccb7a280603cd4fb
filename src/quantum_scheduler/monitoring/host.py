"""The numbers of the machine that watches."""

import os
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True, kw_only=True)
class HostStats:
    """A machine at one moment; the shares are from 0 to 1."""

    memory_used_ratio: float
    disk_used_ratio: float
    load: float


def host_stats(folder: Path) -> HostStats:
    """Look at this machine, and at the disk that holds `folder`."""
    memory, disk = psutil.virtual_memory(), psutil.disk_usage(str(folder))
    return HostStats(
        memory_used_ratio=1 - memory.available / memory.total,
        disk_used_ratio=disk.used / (disk.used + disk.free),
        load=os.getloadavg()[0] / (os.cpu_count() or 1),
    )


def memory_used_ratio(stats: HostStats) -> float:
    """`host.memory_used_ratio`: share of the memory of the machine that watches which is not available."""
    return stats.memory_used_ratio


def disk_used_ratio(stats: HostStats) -> float:
    """`host.disk_used_ratio`: share of the disk with the data folder, on the machine that watches, which is used."""
    return stats.disk_used_ratio


def load(stats: HostStats) -> float:
    """`host.load`: processes that ran or wanted to in the last minute, a processor, on the machine that watches."""
    return stats.load
