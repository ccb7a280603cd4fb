"""`org`: organisations, who own jobs, keys and bills."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID, uuid4

from cyclopts import App, Parameter

from quantum_scheduler.accounts import actions
from quantum_scheduler.accounts.actions import Target
from quantum_scheduler.accounts.audit.model import AuditEntry
from quantum_scheduler.accounts.audit.record import record_audit
from quantum_scheduler.accounts.limits.look_up import find_plan
from quantum_scheduler.accounts.login.desk import LoginDesk
from quantum_scheduler.accounts.model import STANDARD_PLAN
from quantum_scheduler.accounts.organisation import Organisation
from quantum_scheduler.accounts.organise import list_organisations, make_organisation
from quantum_scheduler.cli.accounts import Incident, answer, ask, doing
from quantum_scheduler.cli.options import Json
from quantum_scheduler.postgres.connect import Connection

app = App(name="org", help="Look after organisations.", help_epilogue="")

OrgId = Annotated[UUID, Parameter(name="ORG", help="Id of the organisation.")]


@app.default
def show(*, json: Json = False) -> int:
    """List the organisations, oldest first."""
    found = ask(lambda conn, _: list_organisations(conn))
    lines = [f"{each.id}  {each.name}  {each.plan}{'  blocked' if each.blocked_at else ''}" for each in found]
    return answer([asdict(each) for each in found], "\n".join(lines), json=json)


@app.command
def create(
    name: Annotated[str, Parameter(name="NAME", help="What it is called.")],
    /,
    *,
    plan: Annotated[str, Parameter(help="What it may use.")] = STANDARD_PLAN,
    json: Json = False,
) -> int:
    """Make an organisation; invite its first admin with `user invite`."""

    async def make(conn: Connection, _desk: LoginDesk) -> Organisation:
        await find_plan(conn, plan)
        made = await make_organisation(conn, uuid4(), name, plan=plan)
        entry = AuditEntry(action="orgs.create", subject=f"organisation:{made.id}", org_id=made.id)
        await record_audit(conn, entry)
        return made

    made = ask(make)
    return answer(asdict(made), f"{made.id}  {made.name}", json=json)


@app.command(name="second-factor")
def second_factor(
    org: OrgId,
    /,
    *,
    required: Annotated[bool, Parameter(negative="--optional", help="Whether it is asked for.")] = True,
    incident: Incident = None,
    json: Json = False,
) -> int:
    """Ask for a second factor of whoever looks after an organisation: operators, finance and admins."""
    changed = ask(lambda conn, _: actions.require_second_factor(conn, org, doing(incident), is_required=required))
    said = "it is asked for" if required else "it is not asked for"
    return answer({"changed": changed}, said if changed else f"{said} already", json=json)


@app.command
def block(
    org: OrgId,
    /,
    *,
    reason: Annotated[str, Parameter(help="Why, for whoever wonders.")],
    incident: Incident = None,
    json: Json = False,
) -> int:
    """Let nobody of an organisation in, and none of its keys."""
    changed = ask(lambda conn, _: actions.block(conn, Target(org_id=org), reason, doing(incident)))
    return answer({"changed": changed}, "blocked" if changed else "it was blocked already", json=json)


@app.command
def unblock(org: OrgId, /, *, incident: Incident = None, json: Json = False) -> int:
    """Let an organisation in again."""
    changed = ask(lambda conn, _: actions.unblock(conn, Target(org_id=org), doing(incident)))
    return answer({"changed": changed}, "it may enter again" if changed else "it was not blocked", json=json)
