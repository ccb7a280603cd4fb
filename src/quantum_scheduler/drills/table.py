"""The drills there are: each is of the runbook of its name."""

from collections.abc import Mapping

from quantum_scheduler.drills.model import DrillUnknown, Scenario

# What makes a vendor count as down; each is a fault that its stand-in knows. With `auth` it refuses our key.
VENDOR_FAULTS = ("server_error", "offline", "dropped", "auth", "quota", "rate_limit")
# More than the runbook takes for a normal queue.
BURST = 140

SCENARIOS: Mapping[str, Scenario] = {
    each.name: each
    for each in (
        *(
            Scenario(name=name, place="vendor", target=vendor, faults=VENDOR_FAULTS, backend=vendor)
            for name, vendor in (
                ("dynex-outage", "dynex"),
                ("ibm-unavailable", "ibm"),
                ("braket-unavailable", "braket"),
                ("dwave-unavailable", "dwave"),
            )
        ),
        Scenario(
            name="delayed-jobs",
            place="lanes",
            target="solve.classical",
            faults=("paused",),
            backend="classical",
            burst=BURST,
        ),
        Scenario(name="authentication-failures", place="logins", target="/v1/login", faults=("guessing",)),
        Scenario(name="connection-pool", place="connections", target="postgres", faults=("held", "locked")),
        Scenario(name="memory-pressure", place="disk", target="the data folder", faults=("full",)),
    )
}


def find_scenario(name: str) -> Scenario:
    """Find a drill. Raises DrillUnknown."""
    scenario = SCENARIOS.get(name)
    if scenario is None:
        raise DrillUnknown(f"there is no drill {name}; there are: {', '.join(SCENARIOS)}")
    return scenario
