"""`limit`: what is asked of the API and what is let in, and how to let in more or less for a while."""

from dataclasses import asdict
from typing import Annotated, Any

from cyclopts import App, Parameter
from cyclopts.validators import Number

from quantum_scheduler.accounts.limits import actions, metrics
from quantum_scheduler.accounts.limits.actions import MINUTES_MAX, MULTIPLIER_MAX, MULTIPLIER_MIN
from quantum_scheduler.accounts.limits.look_up import list_multipliers
from quantum_scheduler.cli.database import answer, ask_database
from quantum_scheduler.cli.options import IncidentId, Json, Reason
from quantum_scheduler.postgres.connect import Connection

app = App(name="limit", help="Look at the rate limits, and multiply them for a while.", help_epilogue="")


@app.command
def show(*, json: Json = False) -> int:
    """Show what was asked in the last five minutes, who asked the most, and the multipliers in force."""
    shown = ask_database(_look)
    lines = [f"{name}  {_write(shown[name])}" for name in ("rate_limit_exceeded", "error_rate", "response_p95_s")]
    lines += [f"{each['class_name']}  x{each['multiplier']:g} until {each['ends_at']}" for each in shown["multipliers"]]
    lines += [
        f"{each['requests']} requests, {each['refused']} refused  {each['org_id']}  {each['name']}  {each['plan']}"
        for each in shown["top_consumers"]
    ]
    return answer(shown, lines, as_json=json)


@app.command
def multiplier(
    class_name: Annotated[str, Parameter(name="CLASS", help="network, key, organisation, or a plan.")],
    by: Annotated[
        float,
        Parameter(name="BY", help="1 ends it.", validator=Number(gte=MULTIPLIER_MIN, lte=MULTIPLIER_MAX)),
    ],
    /,
    *,
    minutes: Annotated[float, Parameter(help="For so long.", validator=Number(gt=0, lte=MINUTES_MAX))] = 30,
    reason: Reason,
    incident: IncidentId = None,
    json: Json = False,
) -> int:
    """Multiply the rates of a class for a while; after that they go back within five minutes."""
    given = ask_database(
        lambda conn: actions.set_multiplier(conn, class_name, by, minutes=minutes, reason=reason, incident_id=incident)
    )
    return answer(asdict(given), [f"{class_name}  x{by:g} until {given.ends_at:%Y-%m-%d %H:%M:%S} UTC"], as_json=json)


async def _look(conn: Connection) -> dict[str, Any]:
    stats = await metrics.request_stats(conn)
    return {
        "requests": sum(each.requests for each in stats),
        "rate_limit_exceeded": metrics.rate_limit_exceeded(stats),
        "rate_limit_shadowed": metrics.rate_limit_shadowed(stats),
        "error_rate": metrics.error_rate(stats),
        "response_p95_s": metrics.response_time_s(stats, 0.95),
        "response_p99_s": metrics.response_time_s(stats, 0.99),
        "response_p95_s_by_route": metrics.response_times_s(stats, 0.95),
        "multipliers": [asdict(each) for each in await list_multipliers(conn)],
        "top_consumers": [asdict(each) for each in await metrics.top_consumers(conn)],
    }


def _write(number: float | None) -> str:
    return "-" if number is None else f"{number:.3g}"
