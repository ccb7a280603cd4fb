"""Hand out what a backend's adapter needs to be let in."""

import structlog

from quantum_scheduler.postgres.connect import Connection
from quantum_scheduler.secrets import store
from quantum_scheduler.secrets.model import SecretsLocked
from quantum_scheduler.secrets.seal import FindKeyring

log = structlog.get_logger(__name__)


async def reveal(conn: Connection, find: FindKeyring, backend: str, *, is_next: bool = False) -> dict[str, str]:
    """Open a backend's credentials as they are in use, or with `is_next` as they are to be.

    What is not kept here is for the adapter to find in the environment. Raises SecretsLocked.
    """
    kept = await store.read_sealed(conn, backend, is_next=is_next)
    if not kept:
        return {}
    keyring = find()
    if keyring is None:
        raise SecretsLocked("there are secrets in the database, and no key to open them with")
    return {each.name: keyring.open(each) for each in kept}


async def reveal_surely(conn: Connection, find: FindKeyring, backend: str) -> dict[str, str]:
    """Open a backend's credentials; where they cannot be, say so in the log and leave it to the environment."""
    try:
        return await reveal(conn, find, backend)
    except SecretsLocked as error:
        log.error("secrets.locked", backend=backend, reason=str(error))  # noqa: TRY400  the reason is all there is
        return {}
