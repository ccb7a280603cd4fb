"""`plan`: what organisations may do, and which of them has which plan. Works on the database itself."""

from dataclasses import asdict, replace
from typing import Annotated
from uuid import UUID

from cyclopts import App, Parameter
from cyclopts.validators import Number

from quantum_scheduler.accounts.limits import actions
from quantum_scheduler.accounts.limits.look_up import find_plan, list_plans
from quantum_scheduler.accounts.limits.model import PlanUnknown, Rate
from quantum_scheduler.accounts.limits.plan import REQUESTS_AT_ONCE_MAX, Plan
from quantum_scheduler.accounts.quota.model import AMOUNT_MAX, METERS, Allowance, Meter
from quantum_scheduler.cli.database import answer, ask_database
from quantum_scheduler.cli.options import IncidentId, Json, Reason
from quantum_scheduler.postgres.connect import Connection

app = App(name="plan", help="Look at plans, change them, and give them to organisations.", help_epilogue="")

PlanName = Annotated[str, Parameter(name="PLAN", help="Name of the plan.")]
RateText = Annotated[str | None, Parameter(help="Requests and seconds, as 600/60.")]
Amount = Annotated[int | None, Parameter(validator=Number(gte=0, lte=AMOUNT_MAX))]


class PlanInvalid(ValueError):  # noqa: N818  an error is named for what happened
    """A plan cannot be what was asked for."""


@app.command(name="list")
def list_all(*, json: Json = False) -> int:
    """List the plans, and how many organisations have each."""
    plans = ask_database(list_plans)
    return answer([asdict(plan) for plan in plans], [_describe(plan) for plan in plans], as_json=json)


@app.command(name="set")
def set_plan(
    org: Annotated[UUID, Parameter(name="ORG", help="Id of the organisation.")],
    plan: PlanName,
    /,
    *,
    reason: Reason,
    incident: IncidentId = None,
    json: Json = False,
) -> int:
    """Give an organisation a plan."""
    before = ask_database(lambda conn: actions.set_plan(conn, org, plan, reason=reason, incident_id=incident))
    said = {"org_id": org, "plan": plan, "before": before}
    return answer(said, [f"{org} has {plan}, and had {before}"], as_json=json)


@app.command
def define(  # noqa: PLR0913  each part of a plan has its option
    plan: PlanName,
    /,
    *,
    key: RateText = None,
    organisation: RateText = None,
    at_once: Annotated[
        int | None,
        Parameter(
            help="Requests that a process of the API answers at once.",
            validator=Number(gte=1, lte=REQUESTS_AT_ONCE_MAX),
        ),
    ] = None,
    quota: Annotated[
        tuple[str, ...],
        Parameter(help="METER=AMOUNT, or METER=none; again for each.", negative=()),
    ] = (),
    soft: Annotated[bool, Parameter(help="The quotas given are soft.", negative=())] = False,
    reason: Reason,
    incident: IncidentId = None,
    json: Json = False,
) -> int:
    """Make a plan like `standard`, or take the one of that name, and change what is given."""

    async def change(conn: Connection) -> Plan:
        try:
            known = await find_plan(conn, plan)
        except PlanUnknown:
            known = await find_plan(conn, "standard")
        try:
            changed = replace(
                known,
                name=plan,
                key=_read_rate(key) or known.key,
                organisation=_read_rate(organisation) or known.organisation,
                requests_at_once=at_once or known.requests_at_once,
                quotas=_change_quotas(known, quota, is_soft=soft),
            )
        except ValueError as error:
            raise PlanInvalid(str(error)) from None
        await actions.define_plan(conn, changed, reason=reason, incident_id=incident)
        return await find_plan(conn, plan)

    defined = ask_database(change)
    return answer(asdict(defined), [_describe(defined)], as_json=json)


def _read_rate(text: str | None) -> Rate | None:
    if text is None:
        return None
    requests, _, window_s = text.partition("/")
    if not (requests.isdecimal() and window_s.isdecimal()):
        raise ValueError(f"{text!r} is no rate: write requests/seconds, as 600/60")
    return Rate(requests=int(requests), window_s=int(window_s))


def _change_quotas(plan: Plan, given: tuple[str, ...], *, is_soft: bool) -> dict[Meter, Allowance]:
    quotas = dict(plan.quotas)
    for text in given:
        name, _, amount = text.partition("=")
        meter = next((each for each in METERS if each == name), None)
        if meter is None or not (amount == "none" or amount.isdecimal()):
            raise ValueError(f"{text!r} is no quota: write METER=AMOUNT or METER=none, METER of {', '.join(METERS)}")
        if amount == "none":
            quotas.pop(meter, None)
        else:
            quotas[meter] = Allowance(amount=int(amount), is_soft=is_soft)
    return quotas


def _describe(plan: Plan) -> str:
    named = {"key": plan.key, "org": plan.organisation}
    rates = [f"{name} {rate.requests}/{rate.window_s}" for name, rate in named.items()]
    quotas = [f"{meter} {q.amount}{' soft' if q.is_soft else ''}" for meter, q in plan.quotas.items()]
    parts = [plan.name, *rates, f"at once {plan.requests_at_once}", *quotas, f"organisations {plan.organisations}"]
    return "  ".join(parts)
