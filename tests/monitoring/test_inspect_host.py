"""The machine is looked at as the process may use it: a container's limit counts where it is the lower one."""

import os
from pathlib import Path

from quantum_scheduler.monitoring.inspect_host import inspect_disk, inspect_memory


def test_memory_is_told_with_who_holds_most_of_it(tmp_path: Path) -> None:
    seen = inspect_memory(tmp_path)
    assert 0 < seen.used_share < 1
    assert 0 < seen.available_mb < seen.total_mb
    assert seen.largest_mb == seen.processes[0].memory_mb > 0
    held = [each.memory_mb for each in seen.processes]
    assert held == sorted(held, reverse=True)


def test_the_limit_of_a_container_counts_and_what_it_caches_does_not(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text(f"{64 * 2**20}\n")
    (tmp_path / "memory.current").write_text(f"{48 * 2**20}\n")
    (tmp_path / "memory.stat").write_text(f"anon 1\ninactive_file {16 * 2**20}\n")
    seen = inspect_memory(tmp_path)
    assert (seen.total_mb, seen.available_mb, seen.used_share) == (64.0, 32.0, 0.5)
    (tmp_path / "memory.max").write_text("max\n")
    assert inspect_memory(tmp_path).total_mb > 64.0


def test_the_disk_of_a_folder_is_told(tmp_path: Path) -> None:
    seen = inspect_disk(tmp_path)
    assert 0 < seen.free_gb <= seen.total_gb
    assert 0 <= seen.used_share <= 1
    assert os.fspath(tmp_path) == seen.folder
