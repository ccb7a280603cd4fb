"""The check at the door: who is asking, may they do this, and which rows do they see."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, cast

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from quantum_scheduler.accounts.doorkeeper import Doorkeeper
from quantum_scheduler.accounts.model import Principal
from quantum_scheduler.accounts.scope import Scope, check_scope
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.postgres.separate import RowWall

_BEARER = HTTPBearer(
    scheme_name="key",
    bearerFormat="qsk_live_<key id>_<secret>_<checksum>",
    description="An API key, as `quantum-scheduler up` printed it, or an access token of `/v1/login`.",
    auto_error=False,
)


# This and its like in other rooms are async because FastAPI runs what is not in a thread.
async def _find_pool(request: Request) -> Pool:
    return cast("Pool", request.app.state.pool)


async def _admit(
    request: Request, shown: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
) -> Principal:
    doorkeeper = cast("Doorkeeper", request.app.state.doorkeeper)
    return await doorkeeper.admit(shown.credentials if shown else None)


Caller = Annotated[Principal, Depends(_admit)]


async def _find_rows(request: Request, caller: Caller) -> Pool:
    wall = cast("RowWall", request.app.state.wall)
    return cast("Pool", wall.of(caller.org_id))


# Connections that see the rows of the caller's organisation only, each lent in a transaction.
Database = Annotated[Pool, Depends(_find_rows)]
# The database as its owner sees it, for the accounts themselves and for those who run the installation.
WholeDatabase = Annotated[Pool, Depends(_find_pool)]


def needs(scope: Scope) -> Any:
    """Let in only who has the scope: `caller: Annotated[Principal, needs("jobs:read")]`."""
    return Depends(_CHECKS.setdefault(scope, _make_check(scope)))


def _make_check(scope: Scope) -> Callable[[Principal], Awaitable[Principal]]:
    async def check(caller: Caller) -> Principal:
        check_scope(caller, scope)
        return caller

    return check


# One for each scope, so that FastAPI recognises the same check in a request and does it once.
_CHECKS: dict[Scope, Callable[[Principal], Awaitable[Principal]]] = {}
