"""Answers that are not as the vendor documents them."""

from collections.abc import Iterator
from contextlib import contextmanager

from quantum_scheduler.backends.model import BackendError


@contextmanager
def understood(name: str) -> Iterator[None]:
    """Tell what goes wrong when an answer is taken apart as a BackendError; also good as a decorator."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise BackendError("unavailable", f"{name}: its answer is not understood: {error!r}") from error
