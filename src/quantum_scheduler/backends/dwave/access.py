"""Reach D-Wave's Solver API with its own client: bounded in time, without its retries, and with our errors."""

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from quantum_scheduler.backends.credentials import credential
from quantum_scheduler.backends.model import BackendError, ErrorKind

# D-Wave's default region.
ENDPOINT = "https://na-west-1.cloud.dwavesys.com/sapi/v2/"
INSTALL = "D-Wave's SDK is not installed: pip install 'quantum-scheduler[dwave]'"
CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 15.0
MESSAGE_LENGTH_MAX = 500

KINDS: dict[str, ErrorKind] = {
    "ResourceAuthenticationError": "auth",
    "ResourceAccessForbiddenError": "auth",
    "ResourceLimitsExceededError": "rate_limit",
    "ResourceNotFoundError": "job_failed",
    "ResourceBadRequestError": "job_failed",
    "InternalServerError": "unavailable",
    "ResourceBadResponseError": "unavailable",
    "RequestTimeout": "timeout",
    "TimeoutError": "timeout",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Whose account is used, and where. `solver` names the only solver to use, where the operator chose one."""

    token: str = field(repr=False)
    endpoint: str
    solver: str | None

    def client_options(self) -> dict[str, Any]:
        """Options for D-Wave's clients: without these, they retry ten times and wait two minutes for each."""
        timeout = (CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
        return {"endpoint": self.endpoint, "token": self.token, "timeout": timeout, "retry": {"total": 0}}


def read_access() -> Access:
    """Read the credentials. Raises BackendError where the SDK or the token is missing."""
    # The namespace `dwave` is there without the SDK, through dwave-samplers.
    if find_spec("dwave.cloud") is None:
        raise BackendError("offline", INSTALL)
    token = credential("DWAVE_API_TOKEN")
    if token is None:
        raise BackendError("auth", "dwave: DWAVE_API_TOKEN is not set")
    return Access(
        token=token,
        endpoint=credential("DWAVE_API_ENDPOINT") or ENDPOINT,
        solver=credential("DWAVE_API_SOLVER"),
    )


def silence_debugging() -> None:
    """Keep D-Wave's clients from logging their configuration, in which the token stands in clear."""
    logging.getLogger("dwave.cloud").setLevel(logging.INFO)


def refusal(kind: ErrorKind, message: str, access: Access, *, retry_after_s: float | None = None) -> BackendError:
    """Name what D-Wave said; whatever it is, the token is not in it."""
    said = " ".join(message.replace(access.token, "***").split())[:MESSAGE_LENGTH_MAX]
    return BackendError(kind, f"dwave: {said}", retry_after_s=retry_after_s)


def judge_message(message: str, default: ErrorKind) -> ErrorKind:
    """Tell from D-Wave's words what its codes do not."""
    said = message.lower()
    if "insufficient remaining solver access time" in said or "quota" in said:
        return "quota"
    return "offline" if "offline" in said else default


@contextmanager
def translated(access: Access) -> Iterator[None]:
    """Turn whatever D-Wave's clients raise into a BackendError."""
    try:
        yield
    except BackendError:
        raise
    except Exception as error:
        raise _translate(error, access) from error


def _translate(error: BaseException, access: Access) -> BackendError:
    """Find the first cause whose class says what happened; uploads wrap theirs."""
    causes = list(_follow_causes(error))
    # The client calls a refused connection and an unknown host a timeout.
    if any(isinstance(cause, ConnectionError | socket.gaierror) for cause in causes):
        return refusal("unavailable", f"no connection to {access.endpoint}", access)
    for cause in causes:
        for parent in type(cause).__mro__:
            if parent.__name__ in KINDS:
                kind = judge_message(str(cause), KINDS[parent.__name__])
                return refusal(kind, str(cause), access, retry_after_s=_read_retry_after(cause))
    return refusal("unavailable", f"{type(error).__name__}: {error}", access)


def _follow_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _read_retry_after(error: BaseException) -> float | None:
    response = getattr(error, "response", None)
    text = "" if response is None else response.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else None
