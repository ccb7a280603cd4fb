"""What quantum attempts are made with."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from quantum_scheduler.secrets.seal import FindKeyring, find_no_keyring
from quantum_scheduler.solving.call import Wire
from quantum_scheduler.solving.routing_model import Rules

TIMEOUT_S = 600.0
TROUBLE_S = 5.0


def _need_nothing(_backends: Iterable[str]) -> frozenset[str]:
    """Import what a call needs when it comes."""
    return frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantumBench:
    """The way to the vendors, the key to their credentials, and what the worker's environment says of routing.

    `prepare` sees that the SDKs of backends are imported, and returns those for which that is not so yet. An attempt
    may take `timeout_s` at the vendor, its queue included; `max_cost_usd` is what it may cost where the job does not
    say. `strays` are attempts whose job has gone on without them; `troubled` says of each backend that has
    failed this worker, and not answered since, when that was by the event loop's clock.
    """

    wire: Wire
    prepare: Callable[[Iterable[str]], frozenset[str]] = _need_nothing
    find_keyring: FindKeyring = find_no_keyring
    environment: Rules = field(default_factory=Rules)
    falls_back: bool = True
    timeout_s: float = TIMEOUT_S
    max_cost_usd: float | None = None
    strays: set["asyncio.Task[Any]"] = field(default_factory=set)
    troubled: dict[str, float] = field(default_factory=dict)

    def is_troubled(self) -> bool:
        """Whether some backend has just failed, so that others may as well."""
        now_s = asyncio.get_running_loop().time()
        return any(now_s - failed_s < TROUBLE_S for failed_s in self.troubled.values())
