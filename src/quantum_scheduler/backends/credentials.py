"""The credentials that adapters use: what the worker handed to this process, else the environment."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

_handed: ContextVar[Mapping[str, str] | None] = ContextVar("credentials", default=None)

# What each vendor calls its credentials; a plug-in's are kept under its own name.
CREDENTIALS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "dwave": ("DWAVE_API_TOKEN",),
        "ibm": ("IBM_TOKEN", "QISKIT_IBM_TOKEN"),
        "braket": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
        "dynex": ("DYNEX_SDK_KEY",),
    }
)


@contextmanager
def use_credentials(credentials: Mapping[str, str]) -> Iterator[None]:
    """Have `credential` find these first, in this context."""
    token = _handed.set(credentials)
    try:
        yield
    finally:
        _handed.reset(token)


def credential(name: str) -> str | None:
    """Look a credential up by its environment variable, such as DWAVE_API_TOKEN; None where it is not set."""
    return (_handed.get() or {}).get(name) or os.environ.get(name) or None


def find_owner(name: str) -> str | None:
    """Name the backend that a credential belongs to, None where no known one does."""
    return next((backend for backend, names in CREDENTIALS.items() if name in names), None)


def list_secrets() -> dict[str, str]:
    """Every known credential that an adapter in this context could read, by name: what no message may hold."""
    known = {name: value for names in CREDENTIALS.values() for name in names if (value := os.environ.get(name))}
    return known | dict(_handed.get() or {})
