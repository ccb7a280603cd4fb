"""Reach Dynex over gRPC: every call with a deadline, none repeated, and with our errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Literal, cast, get_args

from quantum_scheduler.backends.credentials import credential
from quantum_scheduler.backends.model import BackendError, ErrorKind

Compute = Literal["cpu", "gpu", "qpu"]

INSTALL = "Dynex's SDK is not installed: pip install 'quantum-scheduler[dynex]'"
MESSAGE_LENGTH_MAX = 500
# As in Dynex's own client.
MESSAGE_BYTES_MAX = 50 * 2**20

KINDS: dict[str, ErrorKind] = {
    "UNAUTHENTICATED": "auth",
    "PERMISSION_DENIED": "auth",
    "RESOURCE_EXHAUSTED": "quota",
    "FAILED_PRECONDITION": "offline",
    "UNIMPLEMENTED": "offline",
    "NOT_FOUND": "job_failed",
    "INVALID_ARGUMENT": "job_failed",
    "DEADLINE_EXCEEDED": "timeout",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Whose account is used, where, and on which of Dynex's machines."""

    key: str = field(repr=False)
    endpoint: str
    compute: Compute
    qpu_model: str

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Who asks, as Dynex's own client says it."""
        return ("authorization", f"Bearer {self.key}"), ("dynex-sdk-version", version("dynex"))


def read_compute() -> Compute:
    """Read DYNEX_COMPUTE_BACKEND. Raises BackendError."""
    compute = credential("DYNEX_COMPUTE_BACKEND") or "gpu"
    if compute not in get_args(Compute):
        choices = ", ".join(get_args(Compute))
        raise BackendError("offline", f"dynex: DYNEX_COMPUTE_BACKEND is {compute!r}, not one of {choices}")
    return cast("Compute", compute)


def read_access(compute: Compute) -> Access:
    """Read the credentials. Raises BackendError where the SDK or one of them is missing."""
    if find_spec("dynex") is None:
        raise BackendError("offline", INSTALL)
    key, endpoint = credential("DYNEX_SDK_KEY"), credential("DYNEX_GRPC_ENDPOINT")
    if key is None:
        raise BackendError("auth", "dynex: DYNEX_SDK_KEY is not set")
    if endpoint is None:
        raise BackendError("offline", "dynex: DYNEX_GRPC_ENDPOINT is not set; Dynex gives it with the key")
    return Access(key=key, endpoint=endpoint, compute=compute, qpu_model=credential("DYNEX_QPU_MODEL") or "apollo_rc1")


@contextmanager
def open_channel(access: Access) -> Iterator[Any]:
    """Open a channel, and turn whatever gRPC raises while it is open into a BackendError."""
    import grpc  # noqa: PLC0415  a backend that is not used costs nothing

    target = access.endpoint.partition("://")[2] or access.endpoint
    options = [
        ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
        ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
        ("grpc.enable_retries", 0),
    ]
    plain = access.endpoint.startswith("http://") or target.partition(":")[0] in ("localhost", "127.0.0.1")
    channel = (
        grpc.insecure_channel(target, options=options)
        if plain
        else grpc.secure_channel(target, grpc.ssl_channel_credentials(), options=options)
    )
    with channel:
        try:
            yield channel
        except BackendError:
            raise
        except grpc.RpcError as error:
            raise _translate(error, access) from error
        except Exception as error:
            raise refusal("unavailable", f"{type(error).__name__}: {error}", access) from error


def refusal(kind: ErrorKind, message: str, access: Access, *, retry_after_s: float | None = None) -> BackendError:
    """Name what Dynex said; whatever it is, the key is not in it."""
    said = " ".join(message.replace(access.key, "***").split())[:MESSAGE_LENGTH_MAX]
    return BackendError(kind, f"dynex: {said}", retry_after_s=retry_after_s)


def _translate(error: Any, access: Access) -> BackendError:
    code, said = error.code().name, error.details() or ""
    kind = KINDS.get(code, "unavailable")
    if kind == "quota" and "larger than max" in said:
        kind = "too_large"
    if kind == "quota" and "rate" in said.lower():
        kind = "rate_limit"
    if kind == "unavailable" and "offline" in said.lower():
        kind = "offline"
    trailing = dict(error.trailing_metadata() or ())
    after = str(trailing.get("retry-after", ""))
    return refusal(kind, f"{code} {said}", access, retry_after_s=float(after) if after.isdigit() else None)
