"""What quantum attempts are made with."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from quantum_scheduler.secrets.seal import FindKeyring, find_no_keyring
from quantum_scheduler.solving.call import Wire
from quantum_scheduler.solving.routing_model import Rules

TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantumBench:
    """The way to the vendors, the key to their credentials, and what the worker's environment says of routing.

    An attempt may take `timeout_s` at the vendor, its queue included; `max_cost_usd` is what it may cost where the job
    does not say. `strays` are attempts whose job has gone on without them.
    """

    wire: Wire
    find_keyring: FindKeyring = find_no_keyring
    environment: Rules = field(default_factory=Rules)
    falls_back: bool = True
    timeout_s: float = TIMEOUT_S
    max_cost_usd: float | None = None
    strays: set["asyncio.Task[Any]"] = field(default_factory=set)
