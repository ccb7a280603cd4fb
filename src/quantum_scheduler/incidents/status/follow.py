"""Have the status page follow what is known: incidents degrade their components, and people have the last word."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from quantum_scheduler.incidents.status import store
from quantum_scheduler.incidents.status.model import BADNESS, Affecting, Component, ComponentState, Said
from quantum_scheduler.monitoring.detect import Severity
from quantum_scheduler.monitoring.maintenance.plan import find_maintained
from quantum_scheduler.postgres.connect import Connection

# How the component of an incident is; P3 is not felt.
BY_SEVERITY: Mapping[Severity, ComponentState] = {
    "P0": "major_outage",
    "P1": "partial_outage",
    "P2": "degraded",
    "P3": "operational",
}
# What services are called elsewhere, and the component that customers know.
SERVICES: Mapping[str, str] = {
    **dict.fromkeys(("queue", "qih", "jobs", "solving", "solver", "workers", "quantum", "scheduler"), "scheduling"),
    **dict.fromkeys(("accounts", "auth", "login", "limits", "quota", "http", "postgres", "database"), "api"),
    **dict.fromkeys(("ltc", "ipfs", "pinning"), "provenance"),
    **dict.fromkeys(("charges", "payments", "gateway"), "billing"),
}


@dataclass(frozen=True, slots=True)
class _Wanted:
    state: ComponentState
    incident_id: int | None


async def follow(conn: Connection, *, now: datetime) -> int:
    """Bring every component to where it should be; how many that changed. May be done at any time, by anybody.

    What a person said holds until the incident it was said in is over, or for good where it was said outside of one;
    only `operational` gives way to incidents that begin later. Then maintenance counts, then the worst open incident.
    """
    components = await store.list_components(conn)
    said = {each.component: each for each in await store.list_said(conn)}
    affecting = await store.list_affecting(conn)
    maintained = await find_maintained(conn, now=now)
    names = frozenset(each.name for each in components)
    changed = 0
    for component in components:
        own = [each for each in affecting if component.name in name_components(each.service, names)]
        wanted = _decide(component, said.get(component.name), own, is_maintained=component.name in maintained)
        if wanted.state != component.state:
            changed += await store.change(
                conn,
                component.name,
                wanted.state,
                actor="watch",
                incident_id=wanted.incident_id,
                now=now,
                is_manual=False,
            )
    return changed


def name_components(service: str, known: Iterable[str]) -> frozenset[str]:
    """Name the components that a service stands for: `quantum/dynex` is dynex, and several may stand with commas."""
    named = (each.strip().lower().replace(":", "/") for each in service.split(","))
    lasts = (each.rpartition("/")[2] for each in named)
    return frozenset(SERVICES.get(last, last) for last in lasts) & frozenset(known)


def _decide(component: Component, said: Said | None, affecting: Iterable[Affecting], *, is_maintained: bool) -> _Wanted:
    if said is not None and said.state != "operational":
        return _Wanted(said.state, component.incident_id)
    if is_maintained:
        return _Wanted("maintenance", None)
    later = (each for each in affecting if said is None or each.since > said.at)
    wanted = (_Wanted(BY_SEVERITY[each.severity], each.incident_id) for each in later)
    return max(wanted, key=lambda each: BADNESS[each.state], default=_Wanted("operational", None))
