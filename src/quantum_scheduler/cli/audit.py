"""`audit`: what was done and by whom, and that nobody has changed that."""

import json as json_module
from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from cyclopts import App, Parameter
from cyclopts.validators import Number

from quantum_scheduler.accounts.audit.read import list_audit
from quantum_scheduler.accounts.audit.verify import verify_audit
from quantum_scheduler.cli.accounts import answer, ask
from quantum_scheduler.cli.options import Json

app = App(name="audit", help="Read the audit log, and check it.", help_epilogue="")


@app.default
def show(
    *,
    org: Annotated[UUID | None, Parameter(help="Only what was done in this organisation.")] = None,
    action: Annotated[str | None, Parameter(help="Only this, such as keys.revoke.")] = None,
    limit: Annotated[int, Parameter(help="At most so many entries.", validator=Number(gte=1, lte=10_000))] = 50,
    json: Json = False,
) -> int:
    """Show what was done, newest first."""
    found = ask(lambda conn, _: list_audit(conn, org_id=org, before=None, action=action, limit=limit))
    lines = [
        f"{each.seq:>6}  {each.at:%Y-%m-%d %H:%M:%S}  {each.entry.action}  {each.entry.subject}  "
        f"{json_module.dumps(dict(each.entry.detail))}"
        for each in found
    ]
    documents = [{"seq": each.seq, "at": each.at, **asdict(each.entry), "hash": each.hash.hex()} for each in found]
    return answer(documents, "\n".join(lines) or "nothing yet", json=json)


@app.command
def verify(*, json: Json = False) -> int:
    """Recompute every hash of the log; exit code 1 where something was changed."""
    check = ask(lambda conn, _: verify_audit(conn))
    said = f"{check.entries} entries hold; the last hash is {check.head}"
    answer(asdict(check), said if check.broken is None else f"the log was tampered with: {check.broken}", json=json)
    return 0 if check.broken is None else 1
