"""Name who asks, as timelines and rotas know them."""

from quantum_scheduler.accounts.login.store import person
from quantum_scheduler.accounts.model import Principal
from quantum_scheduler.postgres.connect import Connection


def name_actor(principal: Principal) -> str:
    """How a timeline names who asks."""
    return f"user {principal.user_id}" if principal.user_id else f"key {str(principal.key_id)[:8]}"


async def find_names(conn: Connection, principal: Principal) -> frozenset[str]:
    """The names that a rota may know a person by: the e-mail address, and what stands before its @; none of a key."""
    found = None if principal.user_id is None else await person.find_person(conn, principal.user_id)
    return frozenset() if found is None else frozenset({found.email, found.email.partition("@")[0]})
