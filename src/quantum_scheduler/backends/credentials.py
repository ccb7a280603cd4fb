"""The credentials that adapters use: what the worker handed to this process, else the environment."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_handed: ContextVar[Mapping[str, str] | None] = ContextVar("credentials", default=None)


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
