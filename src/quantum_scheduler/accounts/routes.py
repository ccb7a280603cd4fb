"""The check at the door: every route that names `Caller` is entered with a live key only."""

from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from quantum_scheduler.accounts.authenticate import authenticate
from quantum_scheduler.accounts.model import Principal
from quantum_scheduler.postgres.connect import Pool

_BEARER = HTTPBearer(
    scheme_name="key",
    bearerFormat="qsk_live_<key id>_<secret>_<checksum>",
    description="The API key, as `quantum-scheduler up` printed it.",
    auto_error=False,
)


# This and its like in other rooms are async because FastAPI runs what is not in a thread.
async def _find_pool(request: Request) -> Pool:
    return cast("Pool", request.app.state.pool)


Database = Annotated[Pool, Depends(_find_pool)]


async def _admit(pool: Database, shown: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]) -> Principal:
    async with pool.acquire() as conn:
        return await authenticate(conn, shown.credentials if shown else None)


Caller = Annotated[Principal, Depends(_admit)]
