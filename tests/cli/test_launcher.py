"""The launcher: sets up once, starts quickly, says clearly why it cannot."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

LAUNCHER = Path(__file__).parents[2] / "quantum-scheduler"
NO_INDEX = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "UV_OFFLINE": "1", "PIP_RETRIES": "0"}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A clone whose folder's name has a space, holding only what the launcher reads."""
    folder = tmp_path / "a clone"
    folder.mkdir()
    shutil.copy(LAUNCHER, folder)
    shutil.copy(LAUNCHER.with_name("pyproject.toml"), folder)
    return folder


@pytest.fixture
def ready_tree(tree: Path) -> Path:
    """A clone that was set up before; its command line only says what it was given."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tree / ".venv"], check=True)
    for name in ("quantum-scheduler", "pytest"):
        script = tree / ".venv" / "bin" / name
        script.write_text(f'#!/bin/sh\necho {name} "$@" in "$PWD"\n')
        script.chmod(0o755)
    load(tree).write_stamp({"dev"})
    return tree


def load(tree: Path) -> Any:
    """Import the launcher of a tree."""
    loader = SourceFileLoader("launcher", str(tree / "quantum-scheduler"))
    spec = spec_from_file_location("launcher", loader=loader)
    assert spec is not None
    launcher = module_from_spec(spec)
    loader.exec_module(launcher)
    return launcher


def launch(
    command: Path, *arguments: str, cwd: Path | None = None, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, command, *arguments],
        cwd=cwd,
        env={**os.environ, **(environ or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_tree_that_is_set_up_starts_at_once_and_passes_every_argument_on(ready_tree: Path, tmp_path: Path) -> None:
    ended = launch(ready_tree / "quantum-scheduler", "solve", "my file", "--json", cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == f"quantum-scheduler solve my file --json in {tmp_path}\n"


def test_a_symbolic_link_starts_the_tree_it_points_to(ready_tree: Path, tmp_path: Path) -> None:
    link = tmp_path / "qs"
    link.symlink_to(ready_tree / "quantum-scheduler")
    assert launch(link, "--version", cwd=tmp_path).stdout == f"quantum-scheduler --version in {tmp_path}\n"


def test_test_runs_pytest_in_the_tree(ready_tree: Path, tmp_path: Path) -> None:
    ended = launch(ready_tree / "quantum-scheduler", "test", "-k", "some rule", cwd=tmp_path)
    assert ended.stdout == f"pytest -k some rule in {ready_tree}\n"
    assert "linters" in ended.stderr


def test_a_set_up_is_used_only_while_it_fits(ready_tree: Path) -> None:
    venv = ready_tree / ".venv"
    launcher = load(ready_tree)
    assert launcher.is_ready({"dev"})
    assert launcher.is_ready(set())
    assert not launcher.is_ready({"dev", "ray"})

    moved = ready_tree.rename(ready_tree.with_name("moved"))
    assert not load(moved).is_ready(set())
    assert not load(moved).venv_works()
    moved.rename(ready_tree)
    assert launcher.is_ready(set())

    (ready_tree / "pyproject.toml").write_text("# new requirements")
    assert not launcher.is_ready(set())
    launcher.write_stamp(set())
    assert launcher.is_ready(set())

    (venv / "bin" / "python").unlink()
    assert not launcher.is_ready(set())
    assert not launcher.venv_works()
    (venv / "quantum-scheduler.json").write_text('{"key"')
    assert not launcher.is_ready(set())


def test_without_a_package_index_the_reason_is_given_and_nothing_broken_is_kept(tree: Path) -> None:
    (tree / ".venv" / "bin").mkdir(parents=True)
    (tree / ".venv" / "bin" / "python").symlink_to("/nowhere")
    (tree / ".venv" / "left over").touch()
    ended = launch(tree / "quantum-scheduler", "--version", environ=NO_INDEX)
    assert ended.returncode == 4
    assert "error: cannot install the packages; can the package index be reached?" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tree / ".venv" / "left over").exists()
    assert not (tree / ".venv" / "quantum-scheduler.json").exists()
