"""`quota`: how much of what is used, by customers and by us with the vendors, and how to give more."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from cyclopts import App, Parameter
from cyclopts.validators import Number

from quantum_scheduler.accounts.quota import actions
from quantum_scheduler.accounts.quota.forecast import forecast_exhaustion
from quantum_scheduler.accounts.quota.look_up import list_notices, list_usage
from quantum_scheduler.accounts.quota.metrics import quota_exceeded, quota_stats, quota_usage
from quantum_scheduler.accounts.quota.model import AMOUNT_MAX, Meter, Usage
from quantum_scheduler.cli.database import answer, ask_database
from quantum_scheduler.cli.options import IncidentId, Json, Reason
from quantum_scheduler.postgres.connect import Connection

app = App(name="quota", help="Look at quotas, and raise them.", help_epilogue="")


@app.command
def show(*, org: Annotated[UUID | None, Parameter(help="Only this organisation's.")] = None, json: Json = False) -> int:
    """Show the quotas that are used, the vendors' among them, and the newest notices."""
    now = datetime.now(UTC)

    async def look(conn: Connection) -> dict[str, Any]:
        stats = await quota_stats(conn)
        usages = stats.customers if org is None else await list_usage(conn, org)
        return {
            "quota_usage": quota_usage(stats),
            "quota_exceeded": quota_exceeded(stats),
            "customers": [_show(usage, now) for usage in usages],
            "upstream": stats.upstream,
            "notices": [asdict(each) for each in await list_notices(conn, org)],
        }

    shown = ask_database(look)
    lines = [
        f"{each['org_id']}  {each['meter']}  {each['share']:.0%} of {each['amount']}"
        f"{' (soft)' if each['is_soft'] else ''}  used {each['used']}, reserved {each['reserved']}"
        for each in shown["customers"]
    ]
    lines += [
        f"{each.backend}  {each.meter}  {each.used / each.amount:.0%} of {each.amount:g}  used {each.used:g}, "
        f"reported {each.reported_at:%Y-%m-%d %H:%M} UTC"
        for each in shown["upstream"]
    ]
    shown["upstream"] = [asdict(each) for each in shown["upstream"]]
    return answer(shown, lines or ["no quota is used"], as_json=json)


@app.command(name="raise")
def raise_quota(
    org: Annotated[UUID, Parameter(name="ORG", help="Id of the organisation.")],
    meter: Annotated[Meter, Parameter(name="METER", help="What is counted.")],
    to: Annotated[int, Parameter(name="TO", validator=Number(gte=0, lte=AMOUNT_MAX), help="How much there shall be.")],
    /,
    *,
    reason: Reason,
    incident: IncidentId = None,
    json: Json = False,
) -> int:
    """Give an organisation at least so much of a meter in the present period."""
    usage = ask_database(lambda conn: actions.raise_quota(conn, org, meter, to, reason=reason, incident_id=incident))
    line = f"{org}  {meter}  {usage.share:.0%} of {usage.amount}"
    return answer(_show(usage, datetime.now(UTC)), [line], as_json=json)


def _show(usage: Usage, now: datetime) -> dict[str, Any]:
    return {**asdict(usage), "share": usage.share, "exhausted_at": forecast_exhaustion(usage, now)}
