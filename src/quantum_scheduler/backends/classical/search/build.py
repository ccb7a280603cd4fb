"""Compile the kernels: once for each machine, into the user's cache, unless the package was installed with them.

Also run as `python -m quantum_scheduler.backends.classical.search.build`, to have them before they are first needed.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import platformdirs
import structlog

# Of the searches over binary models, and over schedules.
SOURCES = Path(__file__).parent / "native"
SCHEDULE_SOURCES = Path(__file__).parent.parent / "list_search" / "native"
LIBRARY = "kernels.so"
# No shortcut may change a double: the same seed gives the same answer on every machine.
FLAGS = (
    "-std=c11", "-O3", "-shared", "-fPIC", "-fvisibility=hidden", "-ffp-contract=off", "-ffinite-math-only",
    "-fno-signed-zeros", "-fno-trapping-math", "-fno-math-errno",
)  # fmt: skip
NATIVE = "-march=native"
COMPILE_TIMEOUT_S = 120.0

log = structlog.get_logger()


class NoCompiler(Exception):  # noqa: N818  an error is named for what happened
    """The kernels cannot be compiled here; the message says why."""


def find_library(sources: Path = SOURCES) -> Path:
    """Return the compiled kernels: those of the package, else those in the cache, else compile them now.

    `sources` is their folder. Raises NoCompiler.
    """
    packaged = sources / LIBRARY
    if packaged.exists():
        return packaged
    cached = platformdirs.user_cache_path("quantum-scheduler") / f"kernels-{_fingerprint(sources)}.so"
    if not cached.exists():
        try:
            cached.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise NoCompiler(f"there is no place to keep them: {error}") from error
        compile_library(cached, sources)
    return cached


def compile_library(library: Path, sources: Path = SOURCES) -> None:
    """Compile the kernels for this machine's processor into the file `library`. Raises NoCompiler."""
    compiler = _find_compiler()
    try:
        with tempfile.TemporaryDirectory(dir=library.parent) as folder:
            made = Path(folder) / LIBRARY
            for native in ((NATIVE,), ()):
                command = [*compiler, *FLAGS, *native, str(sources / "kernels.c"), "-o", str(made), "-lm"]
                done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_TIMEOUT_S, check=False)
                if done.returncode == 0:
                    # Whole or not at all: another process may look for it now.
                    made.replace(library)
                    log.info("kernels.compiled", library=str(library), compiler=compiler[0])
                    return
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoCompiler(str(error)) from error
    raise NoCompiler(f"{compiler[0]} refused them: {done.stderr.strip()[-500:]}")


def _find_compiler() -> list[str]:
    for name in ("cc", "gcc", "clang"):
        if path := shutil.which(name):
            return [path]
    if find_spec("ziglang"):  # a C compiler as a Python package, for machines without one
        return [sys.executable, "-m", "ziglang", "cc"]
    raise NoCompiler("there is no C compiler (cc, gcc, clang, or the Python package ziglang)")


def _fingerprint(sources: Path) -> str:
    """Name this very source for this very processor: a cache may be shared by unlike machines."""
    digest = hashlib.sha256(" ".join((*FLAGS, platform.machine(), platform.libc_ver()[1])).encode())
    for source in sorted(sources.glob("*.[ch]")):
        digest.update(source.read_bytes())
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
        digest.update("\n".join(sorted({line for line in lines if line.startswith(("flags", "Features"))})).encode())
    return digest.hexdigest()[:16]


if __name__ == "__main__":
    os.umask(0o077)
    for folder in (SOURCES, SCHEDULE_SOURCES):
        log.info("kernels.ready", library=str(find_library(folder)))
