"""Two attacks in virtual time on the real endpoints: stolen passwords of a whole city, and one victim that is hunted.

The stuffing is that of the reference: 60,000 stolen pairs, of which 84 are right, tried over a day from 200 networks
by somebody who solves every proof of work. Locking at five failures would let all 84 in.
"""

import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.accounts.house import House, Visitor

DAY_S = 86_400.0
PAIRS_RIGHT_SHARE = 84 / 60_000
ENTERED_MAX_SHARE = 15 / 84
WRONG = "not the password at all"


@dataclass
class Tally:
    entered: int = 0
    compared: int = 0
    refused_owners: int = 0
    detours: int = 0
    owners: int = 0
    kinds: dict[str, int] = field(default_factory=dict)


async def try_pair(visitor: Visitor, email: str, password: str, tally: Tally) -> None:
    """Try one stolen pair; work where work is asked for."""
    answer = await visitor.log_in(email, password)
    if answer.status_code == 428:
        answer = await visitor.log_in(email, password, proof=await visitor.solve())
    kind = "entered" if answer.status_code == 200 else answer.json()["type"]
    tally.kinds[kind] = tally.kinds.get(kind, 0) + 1
    tally.entered += kind == "entered"
    tally.compared += kind in ("entered", "/problems/login-refused")


async def come_home(house: House, visitor: Visitor, email: str, tally: Tally) -> None:
    """An owner logs in, and does what the service says where it does not work at once."""
    tally.owners += 1
    answer = await visitor.log_in(email)
    if answer.status_code == 428:
        answer = await visitor.log_in(email, proof=await visitor.solve())
    if answer.status_code in (403, 429):
        tally.detours += 1
        await visitor.http.post("/v1/login/link", json={"email": email})
        await house.desk.postbox.drain()
        token = house.mailbox.token_for(email, "device")
        await visitor.http.post("/v1/login/device", json={"token": token})
        answer = await visitor.log_in(email)
    tally.refused_owners += answer.status_code != 200


async def stuff(house: House, *, pairs: int, networks: int, owners: int, seed: int) -> Tally:
    chance, tally = random.Random(seed), Tally()
    right = max(1, round(pairs * PAIRS_RIGHT_SHARE))
    reusers = {chance.randrange(pairs) for _ in range(right)}
    for at in sorted(reusers):
        await house.add_user(f"victim{at}@example.com")
    for at in range(owners):
        await house.add_user(f"owner{at}@example.com")
    async with house.visitor() as stranger:
        for at in range(pairs):
            network = chance.randrange(networks)
            stranger.http.headers["X-Forwarded-For"] = f"10.{network // 256}.{network % 256}.{chance.randrange(256)}"
            stranger.http.cookies.clear()
            password: Any = "marmalade orbit teacup violin" if at in reusers else WRONG
            await try_pair(stranger, f"victim{at}@example.com", password, tally)
            house.clock.pass_by(DAY_S / pairs)
            if at % (pairs // owners) == 0 and at // (pairs // owners) < owners:
                # One in four sits in a network that attacks too.
                home = chance.randrange(networks) if chance.random() < 0.25 else 60_000 + at
                async with house.visitor(f"10.{home // 256 % 256}.{home % 256}.250") as owner:
                    await come_home(house, owner, f"owner{at // (pairs // owners)}@example.com", tally)
    return tally


async def test_of_stolen_pairs_few_enter_and_no_owner_is_refused(house: House) -> None:
    """A hundredth of the day: the same number of attempts from each network, fewer networks."""
    tally = await stuff(house, pairs=1_200, networks=4, owners=16, seed=7)
    assert (tally.owners, tally.refused_owners) == (16, 0)
    # Of 300 attempts a network, its first 11 and then one an hour are compared.
    assert tally.compared <= 4 * (11 + 24)
    assert tally.compared / 1_200 <= ENTERED_MAX_SHARE
    assert tally.entered <= 1


@pytest.mark.long
async def test_of_sixty_thousand_stolen_pairs_at_most_fifteen_enter(house: House) -> None:
    tally = await stuff(house, pairs=60_000, networks=200, owners=800, seed=7)
    print(tally)  # noqa: T201  the figure is wanted
    assert tally.entered <= 15
    assert (tally.owners, tally.refused_owners) == (800, 0)


@pytest.mark.parametrize(("networks", "attempts"), [(1, 60), (150, 260)])
async def test_a_hunted_owner_is_never_locked_out(house: House, networks: int, attempts: int) -> None:
    """Somebody guesses one name without end, from one network or a new one each time; its owner comes and goes."""
    email, tally, chance = "hunted@example.com", Tally(), random.Random(11)
    await house.add_user(email)
    async with house.visitor("203.0.113.5") as known, house.visitor() as stranger:
        await known.enter(email)
        for at in range(attempts):
            stranger.http.headers["X-Forwarded-For"] = f"10.0.{chance.randrange(networks)}.9"
            await try_pair(stranger, email, f"{WRONG} {at}", tally)
            house.clock.pass_by(900)
            if at % 20 == 19:
                assert (await known.log_in(email)).status_code == 200
                async with house.visitor(f"203.0.{at % 250}.77") as new_device:
                    await come_home(house, new_device, email, tally)
    assert tally.entered == 0
    assert tally.refused_owners == 0
    assert tally.compared <= attempts


def test_the_share_that_may_enter_is_that_of_the_reference() -> None:
    assert round(PAIRS_RIGHT_SHARE * 60_000) == 84
    assert round(ENTERED_MAX_SHARE * 84) == 15
