"""Sort tasks by a number each, stably."""

from quantum_scheduler.backends.classical.list_search.compile import kernel
from quantum_scheduler.backends.classical.list_search.tensors import Integers

# Runs this short are sorted by insertion before they are merged.
RUN = 12


@kernel
def sort_by(order: Integers, keys: Integers, room: Integers) -> None:
    """Sort `order` so that `keys[order[i]]` ascends; equals stay as they stand. `room` is as long as `order`."""
    for first in range(0, order.size, RUN):
        for place in range(first + 1, min(first + RUN, order.size)):
            moved = order[place]
            at = place
            while at > first and keys[order[at - 1]] > keys[moved]:
                order[at] = order[at - 1]
                at -= 1
            order[at] = moved
    width = RUN
    while width < order.size:
        for first in range(0, order.size - width, 2 * width):
            middle = first + width
            end = min(middle + width, order.size)
            if keys[order[middle - 1]] <= keys[order[middle]]:
                continue
            for at in range(first, middle):
                room[at] = order[at]
            left, right = first, middle
            for at in range(first, end):
                if left < middle and (right == end or keys[room[left]] <= keys[order[right]]):
                    order[at] = room[left]
                    left += 1
                else:
                    order[at] = order[right]
                    right += 1
        width *= 2
