"""Talk to vendors from a worker: each call runs apart, and none lasts longer than it may."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from quantum_scheduler.backends.credentials import list_secrets
from quantum_scheduler.backends.model import BackendError, Health, VendorQuota
from quantum_scheduler.solving import wire
from quantum_scheduler.solving.port import ComputeCrashed, ComputeFailed, ComputeTimedOut, ComputeUnavailable, Executor
from quantum_scheduler.solving.routing_model import Appraisal

# A call may take so long, the import of the vendor's SDK included.
CALL_TIMEOUT_S = 120.0
HEALTH_TIMEOUT_S = 5.0
MEMORY_MB = 4096

Credentials = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """The way to the vendors. `executor` is not the one that solves, which a vendor who hangs must not stop.

    Outside the service it is not `is_at_work`: a terminal may lack keys, or a way, that workers have.
    """

    executor: Executor
    timeout_s: float = CALL_TIMEOUT_S
    memory_mb: int = MEMORY_MB
    is_at_work: bool = True

    async def say(self, function: str, backend: str, credentials: Credentials, **parts: bytes) -> dict[str, Any]:
        """Call a function of `solving.wire`; each part is JSON already. Raises BackendError."""
        parts |= {"backend": json.dumps(backend).encode(), "credentials": json.dumps(dict(credentials)).encode()}
        try:
            answer = await self.executor.run(
                f"{wire.__name__}:{function}",
                join_parts(**parts),
                timeout_s=self.timeout_s,
                memory_mb=self.memory_mb,
            )
        except ComputeTimedOut:
            raise BackendError("timeout", f"{backend} did not answer within {self.timeout_s:g} s") from None
        except (ComputeCrashed, ComputeFailed, ComputeUnavailable) as error:
            reason = wire.blot_out(str(error), {**list_secrets(), **credentials})[: wire.MESSAGE_LENGTH_MAX]
            raise BackendError("unavailable", f"{backend} could not be asked: {reason}") from None
        said: dict[str, Any] = json.loads(answer)
        if "error" in said:
            told = said["error"]
            raise BackendError(told["kind"], told["message"], retry_after_s=told["retry_after_s"])
        return said

    async def appraise(self, backend: str, credentials: Credentials, problem: bytes, request: bytes) -> Appraisal:
        """Ask what a problem would cost and take; an adapter that cannot say so is an error in the answer."""
        try:
            said = await self.say("appraise", backend, credentials, problem=problem, request=request)
        except BackendError as error:
            if error.kind == "too_large":
                return Appraisal(fits=False, why=str(error))
            return Appraisal(fits=False, error=str(error), error_kind=error.kind)
        return Appraisal(**said)

    async def check(self, backend: str, credentials: Credentials) -> Health:
        """Ask how a backend is; one that cannot be asked is down."""
        try:
            said = await self.say("check", backend, credentials, timeout_s=json.dumps(HEALTH_TIMEOUT_S).encode())
        except BackendError as error:
            return Health(status="down", error=error.kind, message=str(error))
        quotas = tuple(VendorQuota.of(quota) for quota in said["health"]["quotas"])
        return Health(**{**said["health"], "quotas": quotas})


def join_parts(**parts: bytes) -> bytes:
    """One JSON object of parts that are JSON already."""
    return b"{" + b",".join(b'"%b":%b' % (name.encode(), part) for name, part in parts.items()) + b"}"
