"""Take back what a runbook puts up against a fault, and a run that is cut short leaves; safe to repeat."""

from quantum_scheduler.drills.faults import lanes, logins, vendor
from quantum_scheduler.drills.model import Scenario
from quantum_scheduler.postgres.connect import Pool


async def tidy(pool: Pool, scenario: Scenario) -> None:
    """Have the place of a drill as if there had been none."""
    match scenario.place:
        case "vendor":
            await vendor.give_back(pool, scenario.target)
        case "lanes":
            await lanes.open_lanes(pool, scenario.target)
        case "logins":
            await logins.let_in(pool)
        case "connections" | "disk":
            return
