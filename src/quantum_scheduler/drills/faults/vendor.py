"""A vendor that fails: its stand-in is told to."""

import httpx2

from quantum_scheduler.drills.model import DrillRefused
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.solving import actions
from quantum_scheduler.solving.routing_model import SHARE_FULL

TIMEOUT_S = 10.0


class VendorFault:
    """A fault of the stand-in of one vendor, which the stand-in itself ends when its time is over."""

    def __init__(self, control_url: str, vendor: str, fault: str) -> None:
        self._url = f"{control_url}/vendors/{vendor}/fault"
        self._vendor = vendor
        self._fault = fault

    async def inject(self, for_s: float) -> None:
        """Have the fault for so long from now on. Raises DrillRefused where the stand-in does not take it."""
        await self._order({"fault": self._fault, "expires_s": for_s})

    async def lift(self) -> None:
        """Have no fault."""
        await self._order({"fault": "none"})

    async def _order(self, order: dict[str, object]) -> None:
        try:
            async with httpx2.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as http:
                answer = await http.put(self._url, json=order)
        except httpx2.HTTPError as error:
            raise DrillRefused(
                f"no stand-in of {self._vendor} takes orders at {self._url}; start the service with `up --vendors`"
            ) from error
        if answer.is_error:
            raise DrillRefused(f"the stand-in of {self._vendor} refused: {answer.text.strip()}")


async def give_back(pool: Pool, vendor: str) -> None:
    """Give a vendor all of its jobs, in its usual place. Opens a transaction."""
    async with pool.acquire() as conn, conn.transaction():
        await actions.ramp(conn, vendor, SHARE_FULL)
        await actions.close_breaker(conn, vendor)
        await actions.clear_override(conn, "priority")
