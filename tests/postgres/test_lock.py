import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from quantum_scheduler.postgres.lock import hold_data_dir
from quantum_scheduler.postgres.model import DataDirInUse, DataDirUnusable

HOLD = """
import os, subprocess, sys, time
from pathlib import Path
from quantum_scheduler.postgres.lock import hold_data_dir
with hold_data_dir(Path(sys.argv[1])):
    {then}
    time.sleep(60)
"""
ALONE = "print(0, flush=True)"
WITH_A_PROGRAM = "print(subprocess.Popen(['sleep', '60'], close_fds=False, stdout=subprocess.DEVNULL).pid, flush=True)"
WITH_A_FORK = "os.fork() or print(os.getpid(), flush=True)"


@contextmanager
def holder(data_dir: Path, then: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that holds the folder, and the id of the child it may have made."""
    command = [sys.executable, "-c", HOLD.format(then=then), str(data_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def test_a_held_folder_is_refused_and_its_holder_named(tmp_path: Path) -> None:
    with holder(tmp_path, ALONE) as (process, _), pytest.raises(DataDirInUse, match=rf"process {process.pid} .*ps -fp"):
        hold_data_dir(tmp_path).__enter__()


def test_a_folder_is_refused_to_its_own_holder_too(tmp_path: Path) -> None:
    with hold_data_dir(tmp_path), pytest.raises(DataDirInUse, match=f"process {os.getpid()}"):
        hold_data_dir(tmp_path).__enter__()


def test_a_folder_is_free_after_use(tmp_path: Path) -> None:
    with hold_data_dir(tmp_path / "new"):
        pass
    with hold_data_dir(tmp_path / "new"):
        pass


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    with holder(tmp_path, ALONE) as (process, _):
        process.kill()
        process.wait()
        with hold_data_dir(tmp_path):
            assert (tmp_path / "up.lock").read_text() == f"{os.getpid()}\n"


def test_a_program_that_outlives_its_killed_starter_does_not_keep_the_lock(tmp_path: Path) -> None:
    with holder(tmp_path, WITH_A_PROGRAM) as (process, child):
        process.kill()
        process.wait()
        with hold_data_dir(tmp_path):
            os.kill(child, signal.SIGKILL)


def test_a_fork_that_outlives_its_killed_parent_does_not_keep_the_lock(tmp_path: Path) -> None:
    with holder(tmp_path, WITH_A_FORK) as (process, child):
        process.kill()
        process.wait()
        with hold_data_dir(tmp_path):
            os.kill(child, signal.SIGKILL)


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataDirUnusable, match=r"file/data cannot be used: Not a directory"):
        hold_data_dir(tmp_path / "file" / "data").__enter__()
