"""`user`: people, what they are in an organisation, and who may not enter."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from cyclopts import App, Parameter
from cyclopts.validators import Number

from quantum_scheduler.accounts import actions
from quantum_scheduler.accounts.actions import PROOF_S_MAX, Doing, Target
from quantum_scheduler.accounts.login.desk import LoginDesk
from quantum_scheduler.accounts.login.invite import invite_person
from quantum_scheduler.accounts.model import LOCAL_ORG_ID, Role
from quantum_scheduler.accounts.organise import find_user, list_members
from quantum_scheduler.cli.accounts import Incident, answer, ask, doing
from quantum_scheduler.cli.options import Json
from quantum_scheduler.postgres.connect import Connection

app = App(name="user", help="Look after people: invite, block, unlock.", help_epilogue="")

Org = Annotated[UUID, Parameter(help="Organisation; the one that runs the installation unless given.")]
Email = Annotated[str, Parameter(name="EMAIL", help="E-mail address.")]


@app.default
def show(*, org: Org = LOCAL_ORG_ID, json: Json = False) -> int:
    """List the people of an organisation."""
    found = ask(lambda conn, _: list_members(conn, org))
    lines = [f"{each.user_id}  {each.email}  {' '.join(each.roles)}" for each in found]
    return answer([asdict(each) for each in found], "\n".join(lines) or "nobody yet: invite somebody", json=json)


@app.command
def invite(
    email: Email,
    /,
    *,
    role: Annotated[list[Role] | None, Parameter(consume_multiple=True, help="What they are; else customer.")] = None,
    org: Org = LOCAL_ORG_ID,
    json: Json = False,
) -> int:
    """Print a link with which somebody becomes a member; it is good once, for a week."""
    roles: list[Role] = sorted(set(role or ["customer"]))
    invited = ask(lambda conn, desk: invite_person(conn, desk, org, email, roles, by=None))
    document = {"id": invited.invitation.id, "email": invited.invitation.email, "roles": roles, "link": invited.link}
    return answer(document, invited.link, json=json)


@app.command
def block(
    email: Email,
    /,
    *,
    reason: Annotated[str, Parameter(help="Why, for whoever wonders.")],
    incident: Incident = None,
    json: Json = False,
) -> int:
    """Let somebody in no more, and end their sessions."""

    async def change(conn: Connection, _desk: LoginDesk) -> bool:
        return await actions.block(conn, Target(user_id=await find_user(conn, email)), reason, doing(incident))

    changed = ask(change)
    return answer({"changed": changed}, "blocked" if changed else "they were blocked already", json=json)


@app.command
def unblock(email: Email, /, *, incident: Incident = None, json: Json = False) -> int:
    """Let somebody in again."""

    async def change(conn: Connection, _desk: LoginDesk) -> bool:
        return await actions.unblock(conn, Target(user_id=await find_user(conn, email)), doing(incident))

    changed = ask(change)
    return answer({"changed": changed}, "they may enter again" if changed else "they were not blocked", json=json)


@app.command
def unlock(email: Email, /, *, incident: Incident = None, json: Json = False) -> int:
    """Give somebody the whole budget of login attempts back."""

    async def change(conn: Connection, _desk: LoginDesk) -> bool:
        return await actions.unlock(conn, await find_user(conn, email), doing(incident))

    changed = ask(change)
    return answer({"changed": changed}, "unlocked" if changed else "nothing of it was spent", json=json)


@app.command
def remove_second_factor(email: Email, /, *, incident: Incident = None, json: Json = False) -> int:
    """Remove the second factor of somebody who has lost it; make sure first that it is them who ask."""

    async def change(conn: Connection, _desk: LoginDesk) -> bool:
        return await actions.remove_second_factor(conn, await find_user(conn, email), doing(incident))

    changed = ask(change)
    return answer({"changed": changed}, "removed" if changed else "none was set", json=json)


@app.command
def require_proof(
    *,
    minutes: Annotated[float, Parameter(help="For so long; 0 ends it.", validator=Number(gte=0, lte=PROOF_S_MAX / 60))],
    incident: Incident = None,
    json: Json = False,
) -> int:
    """Have every untrusted device do a proof of work before it may log in."""
    doer: Doing = doing(incident)
    changed = ask(lambda conn, _: actions.require_proof_of_work(conn, doer, for_s=minutes * 60))
    return answer({"changed": changed}, "done" if changed else "it was so already", json=json)


@app.command
def block_network(
    network: Annotated[str, Parameter(name="NETWORK", help="As in the audit log: 198.51.100.0/24.")],
    /,
    *,
    reason: Annotated[str, Parameter(help="Why, for whoever wonders.")],
    hours: Annotated[float, Parameter(help="For so long; 0 lets it in again.", validator=Number(gte=0, lte=720))] = 1,
    incident: Incident = None,
    json: Json = False,
) -> int:
    """Refuse logins from a network, but for trusted devices."""
    target = Target(network=network)
    if hours:
        changed = ask(lambda conn, _: actions.block(conn, target, reason, doing(incident), for_s=hours * 3600))
    else:
        changed = ask(lambda conn, _: actions.unblock(conn, target, doing(incident)))
    return answer({"changed": changed}, "done" if changed else "it was so already", json=json)
