"""A disk that is nearly full."""

import asyncio
import sys
from pathlib import Path

import psutil

from quantum_scheduler.drills.faults import hold_space
from quantum_scheduler.drills.model import DrillRefused
from quantum_scheduler.monitoring.host import measure_disk

# Above what the runbook raises; what is left must do for the database meanwhile.
USED_SHARE = 0.97
LEFT_BYTES_MIN = 32 * 2**20
SIZE_BYTES_MAX = 4 * 2**30
ADVICE = "give the service a data folder for drills: mount -t tmpfs -o size=2g tmpfs"


class DiskFault:
    """A file without a name that takes the room, held by a process that gives it back when its time is over.

    `find_size` says how many bytes.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self._size = size
        self.holder: asyncio.subprocess.Process | None = None

    async def inject(self, for_s: float) -> None:
        """Hold the room for so long from now on. Raises DrillRefused."""
        if self.holder is None:
            self.holder = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", hold_space.__name__, str(self._folder), str(self._size)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for the driller, which lifts the fault
            )
        holder = self.holder
        assert holder.stdin is not None
        assert holder.stdout is not None
        holder.stdin.write(f"{for_s}\n".encode())
        await holder.stdin.drain()
        if not await holder.stdout.readline():
            raise DrillRefused(f"{self._folder} could not be filled")

    async def lift(self) -> None:
        """Give the room back."""
        if self.holder is not None and self.holder.returncode is None:
            self.holder.kill()
            await self.holder.wait()


def find_size(folder: Path) -> int:
    """How many bytes nearly fill the file system of a folder. Raises DrillRefused where that is no small tmpfs."""
    if find_kind(folder) != "tmpfs":
        raise DrillRefused(f"{folder} is on no tmpfs, and real disks are not filled: {ADVICE} {folder}")
    room = measure_disk(folder)
    size = int(USED_SHARE * room.total - (room.total - room.free))
    if room.total > SIZE_BYTES_MAX or size <= 0 or room.free - size < LEFT_BYTES_MIN:
        found = f"{folder} has {room.free / 2**20:,.0f} of {room.total / 2**20:,.0f} MiB left"
        raise DrillRefused(f"{found}, and at most {SIZE_BYTES_MAX / 2**20:,.0f} are filled: {ADVICE} {folder}")
    return size


def find_kind(folder: Path) -> str:
    """The kind of the file system that a folder is on."""
    at = folder.resolve()
    mounted = {Path(each.mountpoint): each.fstype for each in psutil.disk_partitions(all=True)}
    return next((mounted[each] for each in (at, *at.parents) if each in mounted), "")
