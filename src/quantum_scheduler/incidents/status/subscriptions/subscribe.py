"""Subscribe to the status page: an address is asked first, and told nothing until it has agreed."""

from datetime import datetime

from quantum_scheduler.incidents.status.subscriptions import store
from quantum_scheduler.incidents.status.subscriptions.model import (
    ASK_AGAIN_AFTER,
    CONFIRM_WITHIN,
    SUBSCRIBERS_MAX,
    Channel,
    SubscriptionRefused,
    SubscriptionUnknown,
    check_address,
)
from quantum_scheduler.notifications.model import Message, Target
from quantum_scheduler.notifications.outbox import post_message
from quantum_scheduler.postgres.connect import Connection

TEXT = (
    "Somebody, you we hope, wants this address to be told of incidents and maintenance of quantum-scheduler. "
    "Confirm it under the address below within a day. If it was not you, do nothing, and you are told nothing."
)


async def subscribe(
    conn: Connection, channel: Channel, address: str, *, token: str, public_url: str, now: datetime
) -> bool:
    """Ask an address whether it wants to be told; False where it is told already, or was asked within the hour.

    `token` is a secret that only the address gets to know. Raises SubscriptionRefused.
    """
    check_address(channel, address)
    await store.forget(conn, now - CONFIRM_WITHIN)
    if await store.count(conn) >= SUBSCRIBERS_MAX:
        raise SubscriptionRefused("too many subscribe already")
    link = f"{public_url.rstrip('/')}/status/subscriptions/{token}"
    if not await store.ask(conn, channel, address, token=token, link=link, now=now, asked_before=now - ASK_AGAIN_AFTER):
        return False
    message = Message(kind="notice", title="Confirm your subscription", text=TEXT, url=link)
    await post_message(
        conn, [Target(channel=channel, address=address)], message, dedup_key=f"status/subscribe/{token}", now=now
    )
    return True


async def confirm(conn: Connection, token: str, *, now: datetime) -> None:
    """Agree to be told. Raises SubscriptionUnknown."""
    if not await store.confirm(conn, token, now=now, asked_after=now - CONFIRM_WITHIN):
        raise SubscriptionUnknown("there is no such subscription any more; subscribe again")


async def unsubscribe(conn: Connection, token: str) -> None:
    """Be told nothing any more; may be done twice."""
    await store.end(conn, token)
