"""`key`: API keys, and what access tokens are signed with."""

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from cyclopts import App, Parameter
from cyclopts.validators import Number

from quantum_scheduler.accounts import actions
from quantum_scheduler.accounts.audit.model import AuditEntry
from quantum_scheduler.accounts.audit.record import record_audit
from quantum_scheduler.accounts.issue import issue_key, list_keys
from quantum_scheduler.accounts.key import read_key_id
from quantum_scheduler.accounts.login.desk import LoginDesk
from quantum_scheduler.accounts.model import LOCAL_ORG_ID
from quantum_scheduler.accounts.scope import CUSTOMER_KEY_SCOPES, Scope
from quantum_scheduler.cli.accounts import Incident, answer, ask, doing
from quantum_scheduler.cli.options import Json
from quantum_scheduler.postgres.connect import Connection

app = App(name="key", help="Look after API keys: issue, revoke, rotate.", help_epilogue="")

KeyId = Annotated[UUID, Parameter(name="KEY", help="Id of the key.")]
Org = Annotated[UUID, Parameter(help="Organisation; the one that runs the installation unless given.")]
Leaked = Annotated[bool, Parameter(negative=(), help="The old one is worthless at once.")]


@app.default
def show(*, org: Org = LOCAL_ORG_ID, json: Json = False) -> int:
    """List the keys of an organisation, newest first; a key itself is shown only when it is issued."""
    found = ask(lambda conn, _: list_keys(conn, org))
    lines = [
        f"{each.id}  …{each.hint}  {'revoked' if each.revoked_at else 'live':7}  {' '.join(each.scopes)}  {each.name}"
        for each in found
    ]
    return answer([asdict(each) for each in found], "\n".join(lines) or "no keys yet", json=json)


@app.command
def create(
    *,
    org: Org = LOCAL_ORG_ID,
    name: Annotated[str, Parameter(help="What it is for.")] = "",
    scope: Annotated[list[Scope] | None, Parameter(consume_multiple=True, help="What it may do.")] = None,
    days: Annotated[int | None, Parameter(help="Days until it expires.", validator=Number(gte=1, lte=3650))] = None,
    json: Json = False,
) -> int:
    """Issue a key and print it, this once."""

    async def issue(conn: Connection, desk: LoginDesk) -> str:
        expires_at = None if days is None else desk.now() + timedelta(days=days)
        scopes = sorted(set(scope or CUSTOMER_KEY_SCOPES))
        text = await issue_key(conn, org, peppers=desk.peppers, name=name, scopes=scopes, expires_at=expires_at)
        entry = AuditEntry(
            action="keys.issue", subject=f"key:{read_key_id(text)}", org_id=org, detail={"name": name, "scopes": scopes}
        )
        await record_audit(conn, entry)
        return text

    text = ask(issue)
    return answer({"id": read_key_id(text), "key": text}, text, json=json)


@app.command
def revoke(key: KeyId, /, *, incident: Incident = None, json: Json = False) -> int:
    """End a key in every process at once."""
    changed = ask(lambda conn, _: actions.revoke_key(conn, key, doing(incident)))
    return answer({"changed": changed}, "revoked" if changed else "it was revoked already", json=json)


@app.command
def rotate(key: KeyId, /, *, leaked: Leaked = False, incident: Incident = None, json: Json = False) -> int:
    """Print a key that comes in place of another, which works for 24 hours more."""
    rotated = ask(
        lambda conn, desk: actions.rotate_key(conn, key, doing(incident), peppers=desk.peppers, leaked=leaked)
    )
    return answer({"id": rotated.id, "key": rotated.text}, rotated.text, json=json)


@app.command
def rotate_signing(*, leaked: Leaked = False, incident: Incident = None, json: Json = False) -> int:
    """Sign access tokens with the next key."""
    rotation = ask(
        lambda conn, desk: actions.rotate_signing_key(conn, doing(incident), peppers=desk.peppers, leaked=leaked)
    )
    return answer(asdict(rotation), f"{rotation.active} signs now", json=json)
