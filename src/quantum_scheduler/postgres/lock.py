"""Locks on files that die with the process that holds them, however it dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from quantum_scheduler.postgres.model import DataDirInUse, DataDirUnusable


class LockFile:
    """A file that this process may lock. Neither children nor programs started by this process share the lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1
        self.open()

    def open(self) -> None:
        """Open the file, again where it was closed. May be called twice."""
        if self in _open_here:
            return
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        _open_here.add(self)
        if os.geteuid() == 0:  # what root makes in a user's folder must not lock the user out
            folder = self._path.parent.stat()
            os.fchown(self._descriptor, folder.st_uid, folder.st_gid)

    def take(self) -> None:
        """Wait for the lock and take it for this process alone."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def take_now(self) -> bool:
        """Take the lock for this process alone, or say that it cannot be had now."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def share(self) -> None:
        """Wait until nobody has the lock alone, and share it."""
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def release(self) -> None:
        """Let go of the lock, and keep the file open to take it again."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def read_pid(self) -> int | None:
        """Return the process id that the holder wrote, if any."""
        text = os.pread(self._descriptor, 20, 0).strip()
        return int(text) if text.isdigit() else None

    def write_pid(self, pid: int) -> None:
        """Write down who holds the lock."""
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, b"%d\n" % pid, 0)

    def close(self) -> None:
        """Let go of the lock and of the file. May be called twice."""
        if self in _open_here:
            _open_here.remove(self)
            os.close(self._descriptor)
            self._descriptor = -1


_open_here: set[LockFile] = set()


def _close_in_child() -> None:
    # A forked child shares the parent's open files and would keep the locks alive after the parent's death.
    for lock in tuple(_open_here):
        lock.close()


os.register_at_fork(after_in_child=_close_in_child)


@contextmanager
def hold_data_dir(data_dir: Path) -> Iterator[None]:
    """Hold the data folder for this process, making the folder if need be. Raises DataDirInUse, DataDirUnusable.

    A process that is killed lets go at once; what it left in `up.lock` is ignored.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = LockFile(data_dir / "up.lock")
    except OSError as error:
        raise DataDirUnusable(f"{data_dir} cannot be used: {error.strerror or error}") from error
    try:
        if not lock.take_now():
            raise DataDirInUse(data_dir, lock.read_pid())
        lock.write_pid(os.getpid())
        yield
    finally:
        lock.close()
