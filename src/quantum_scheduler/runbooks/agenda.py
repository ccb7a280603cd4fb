"""What is to come in virtual time."""

import heapq
from itertools import count

from quantum_scheduler.runbooks.event import Event


class Agenda:
    """Events by their time in seconds; those of the same time in the order in which they were put down."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Event]] = []
        self._order = count()

    @property
    def next_s(self) -> float | None:
        """When the next event is due, None where there is none."""
        return self._due[0][0] if self._due else None

    def put(self, at_s: float, event: Event) -> None:
        """Put down an event for that time."""
        heapq.heappush(self._due, (at_s, next(self._order), event))

    def take(self) -> tuple[float, Event]:
        """Take the next event and its time away. Raises IndexError where there is none."""
        at_s, _, event = heapq.heappop(self._due)
        return at_s, event
