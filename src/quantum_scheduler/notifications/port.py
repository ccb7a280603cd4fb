"""The port of a channel."""

from typing import Protocol

from quantum_scheduler.notifications.model import Delivery, Receipt


class Channel(Protocol):
    """A way to tell people something. What it sends carries the delivery's id, so that a receiver can drop repeats."""

    async def send(self, delivery: Delivery) -> Receipt:
        """Send one message. Raises SendFailed."""
        ...
