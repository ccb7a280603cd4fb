"""Find backends by name among the installed entry points."""

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import ClassVar, cast

from quantum_scheduler.backends.model import ErrorKind
from quantum_scheduler.backends.port import Backend

GROUP = "quantum_scheduler.backends"


class BackendUnknown(LookupError):  # noqa: N818
    """No installed backend has this name."""

    kind: ClassVar[ErrorKind] = "invalid"

    def __init__(self, name: str) -> None:
        super().__init__(f"no backend is called {name!r}; installed: {', '.join(list_backends())}")


@cache
def list_backends() -> tuple[str, ...]:
    """Name every installed backend, in alphabetical order."""
    return tuple(sorted(entry.name for entry in entry_points(group=GROUP)))


def load_backend(name: str) -> Backend:
    """Import and build the backend called `name`; its SDK is imported here and not before.

    Raises BackendUnknown.
    """
    return cast("Backend", _find_entry(name).load()())


def list_modules(name: str) -> tuple[str, ...]:
    """Name the modules that calls to a backend import: its own, and those that its class names as `sdk`.

    Raises BackendUnknown.
    """
    entry = _find_entry(name)
    return (entry.module, *getattr(entry.load(), "sdk", ()))


@cache
def is_local(name: str) -> bool:
    """Whether a backend computes in the process that asks it, so that its handles mean nothing anywhere else.

    Raises BackendUnknown.
    """
    backend = load_backend(name)
    try:
        return backend.capabilities().idempotent_submit == "local"
    finally:
        backend.close()


# The lists of all installed packages are read for it, which takes as long as a small problem.
@cache
def _find_entry(name: str) -> EntryPoint:
    """Find the entry point of a backend; one that is not there is looked for again the next time.

    Raises BackendUnknown.
    """
    for entry in entry_points(group=GROUP, name=name):
        return entry
    raise BackendUnknown(name)
