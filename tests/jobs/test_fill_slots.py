import asyncio
from collections.abc import AsyncIterator, Callable
from uuid import UUID

import pytest
from tests.jobs.conftest import PATIENCE_S

from quantum_scheduler.jobs.model import HOUSE_ID, Claim, Done, HandedBack, Outcome
from quantum_scheduler.jobs.slots import AHEAD_MAX, Run, Slots

LONG_S = 3600.0


class Shop:
    """Slots with work that is done at once, or only when `is_open` is set."""

    def __init__(self, count: int) -> None:
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.at_work = self.most_at_work = 0
        self.ends: list[tuple[int, Outcome | None]] = []
        self.ended = asyncio.Event()
        self.slots = Slots(count, perform=self._perform, on_end=self._end, on_free=lambda: None, ahead_s=LONG_S)
        self._numbers = 0

    def make(self, count: int) -> list[Run]:
        self._numbers += count
        return [Run(claim(number), None, None) for number in range(self._numbers - count, self._numbers)]

    async def end(self, count: int) -> None:
        """Wait until so many have ended."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.ends) < count:
                self.ended.clear()
                await self.ended.wait()

    async def fill_ahead(self) -> None:
        """Do what fills the slots at once, so that there is room beyond them."""
        self.slots.begin(self.make(self.slots.room))
        await self.end(self._numbers)
        await self.slots.wait()
        self.slots.look_ahead()

    async def _perform(self, _: Run) -> Outcome:
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        try:
            if not self.is_open.is_set():
                await self.is_open.wait()
        finally:
            self.at_work -= 1
        return Done()

    def _end(self, run: Run, outcome: Outcome | None) -> None:
        self.ends.append((run.claim.task_id, outcome))
        self.ended.set()


def claim(number: int) -> Claim:
    return Claim(
        task_id=number,
        attempt=1,
        owner=UUID(int=2),
        job_id=None,
        org_id=HOUSE_ID,
        lane="control",
        kind="noop",
        failures=0,
        deadline_left_s=None,
        payload=None,
        handle=None,
        submitting_at=None,
        is_cancelled=False,
    )


@pytest.fixture
async def open_shop() -> AsyncIterator[Callable[[int], Shop]]:
    shops: list[Shop] = []

    def open_one(count: int) -> Shop:
        shops.append(Shop(count))
        return shops[-1]

    yield open_one
    for shop in shops:
        shop.is_open.set()
        await shop.slots.wait()


async def turn(times: int = 20) -> None:
    """Let the event loop go round a few times."""
    for _ in range(times):
        await asyncio.sleep(0)


async def test_what_is_done_at_once_is_done_in_the_order_it_was_begun(open_shop: Callable[[int], Shop]) -> None:
    shop = open_shop(4)
    shop.slots.begin(shop.make(100))
    await shop.end(100)
    assert shop.ends == [(number, Done()) for number in range(100)]
    assert shop.most_at_work == 1


async def test_work_that_waits_leaves_the_other_slots_to_others_and_none_beyond(
    open_shop: Callable[[int], Shop],
) -> None:
    shop = open_shop(3)
    shop.is_open.clear()
    shop.slots.begin(shop.make(5))
    await turn()
    assert (shop.at_work, shop.slots.room) == (3, 0)
    shop.is_open.set()
    await shop.end(5)
    assert shop.most_at_work == 3


async def test_room_beyond_the_slots_grows_while_all_is_done_at_once_and_has_a_limit(
    open_shop: Callable[[int], Shop],
) -> None:
    shop = open_shop(2)
    rooms = []
    for _ in range(12):
        await shop.fill_ahead()
        rooms.append(shop.slots.room)
    assert rooms[:3] == [4, 8, 16]
    assert rooms[-1] == 2 + AHEAD_MAX


async def test_there_is_no_room_beyond_the_slots_when_they_were_not_filled_or_work_goes_on(
    open_shop: Callable[[int], Shop],
) -> None:
    shop = open_shop(3)
    shop.slots.begin(shop.make(2))
    await shop.end(2)
    await shop.slots.wait()
    shop.slots.look_ahead()
    assert shop.slots.room == 3
    shop.is_open.clear()
    shop.slots.begin(shop.make(3))
    await turn()
    shop.slots.look_ahead()
    assert shop.slots.room == 0


async def test_what_was_begun_ahead_and_gets_no_slot_in_time_is_handed_back(open_shop: Callable[[int], Shop]) -> None:
    shop = open_shop(2)
    await shop.fill_ahead()
    shop.is_open.clear()
    shop.slots.ahead_s = 0.05
    shop.slots.begin(shop.make(shop.slots.room))
    await shop.end(4)
    assert shop.ends[2:] == [(4, HandedBack()), (5, HandedBack())]
    shop.is_open.set()
    await shop.end(6)
    assert shop.ends[4:] == [(2, Done()), (3, Done())]


async def test_a_run_is_stopped_at_work_or_before_it_and_the_others_go_on(open_shop: Callable[[int], Shop]) -> None:
    shop = open_shop(2)
    shop.is_open.clear()
    runs = shop.make(4)
    shop.slots.begin(runs)
    await turn()
    shop.slots.stop([runs[0], runs[3]], None)
    await turn()
    assert sorted(shop.ends) == [(0, None), (3, None)]
    assert shop.at_work == 2
    shop.is_open.set()
    await shop.end(4)
    assert sorted(shop.ends[2:]) == [(1, Done()), (2, Done())]


async def test_stopping_what_has_ended_changes_nothing(open_shop: Callable[[int], Shop]) -> None:
    shop = open_shop(1)
    runs = shop.make(2)
    shop.slots.begin(runs)
    await shop.end(2)
    shop.slots.stop(runs, HandedBack())
    await shop.slots.wait()
    assert shop.ends == [(0, Done()), (1, Done())]


async def test_slots_that_are_added_take_up_what_waits(open_shop: Callable[[int], Shop]) -> None:
    shop = open_shop(1)
    shop.is_open.clear()
    shop.slots.begin(shop.make(3))
    await turn()
    assert shop.at_work == 1
    shop.slots.resize(3)
    await turn()
    assert shop.at_work == 3
