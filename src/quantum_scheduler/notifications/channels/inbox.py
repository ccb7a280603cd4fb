"""The inbox in the application: what is in the outbox for a user is in it."""

from quantum_scheduler.notifications.model import Delivery, Receipt


class Inbox:
    """The address is a user; its row of the outbox is what is read."""

    async def send(self, delivery: Delivery) -> Receipt:
        """Deliver by leaving it where it is."""
        return {}
