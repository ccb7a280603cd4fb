"""Guessing is slow, whoever is guessed at, and a stranger shuts nobody out."""

import asyncio
from typing import Any

import pytest
from tests.accounts.house import PASSWORD, House, Visitor

from quantum_scheduler.accounts.login.metrics import failure_rate, locked, login_stats
from quantum_scheduler.accounts.login.model import ThrottlePolicy

ADA = "ada@example.com"
WRONG = "not the password at all"


async def guess(visitor: Visitor, times: int, *, email: str = ADA, with_proof: bool = True) -> list[int]:
    """Guess as soon as it is allowed, and tell what was waited for."""
    waits: list[int] = []
    while len(waits) < times:
        said: dict[str, Any] = {"proof": await visitor.solve()} if with_proof else {}
        answer = await visitor.log_in(email, WRONG, **said)
        waited = int(answer.headers.get("retry-after", 0))
        if answer.status_code == 429:
            visitor.house.clock.pass_by(waited)
            answer = await visitor.log_in(email, WRONG, proof=await visitor.solve())
        assert answer.status_code == 401, answer.text
        waits.append(waited)
    return waits


async def kinds(house: House, email: str, address: str, times: int = 1, **said: Any) -> list[str]:
    async with house.visitor(address) as visitor:
        answers = [await visitor.log_in(email, WRONG, **said) for _ in range(times)]
    return [answer.json()["type"].removeprefix("/problems/") for answer in answers]


@pytest.mark.parametrize("email", [ADA, "nobody@example.com"])
async def test_five_failures_are_free_then_delays_double_up_to_a_quarter_of_an_hour(house: House, email: str) -> None:
    await house.add_user(ADA)
    async with house.visitor() as stranger:
        waits = await guess(stranger, 17, email=email)
    assert waits == [0, 0, 0, 0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]


@pytest.mark.parametrize("email", [ADA, "nobody@example.com"])
async def test_after_five_failures_a_proof_of_work_is_needed(house: House, email: str) -> None:
    await house.add_user(ADA)
    assert await kinds(house, email, "198.51.100.7", 5) == ["login-refused"] * 5
    house.clock.pass_by(10)
    assert await kinds(house, email, "198.51.101.7") == ["proof-missing"]


async def test_a_proof_is_good_once_and_for_ten_minutes_and_cannot_be_forged(house: House) -> None:
    await house.add_user(ADA)
    async with house.visitor() as stranger:
        proof, old = await stranger.solve(), await stranger.solve()
        assert await kinds(house, ADA, "198.51.100.7", 2, proof=proof) == ["login-refused", "proof-refused"]
        for forged in (
            {**proof, "number": proof["number"] + 1},
            {**proof, "signature": "0" * 64},
            {**proof, "salt": proof["salt"].replace("expires=1", "expires=9")},
            {**proof, "salt": proof["salt"] + "expires=9999999999&"},
            {**proof, "algorithm": "SHA-1"},
        ):
            assert await kinds(house, ADA, "198.51.100.7", proof=forged) == ["proof-refused"]
        house.clock.pass_by(601)
        assert await kinds(house, ADA, "198.51.100.7", proof=old) == ["proof-refused"]


async def test_many_guesses_at_once_are_many_guesses(house: House) -> None:
    await house.add_user(ADA)
    async with house.visitor() as stranger:
        answers = await asyncio.gather(*(stranger.log_in(ADA, WRONG) for _ in range(20)))
    assert sum(answer.status_code == 401 for answer in answers) == 5


async def test_after_a_hundred_failures_only_a_trusted_device_may_try_and_a_mail_link_makes_one(house: House) -> None:
    user_id = await house.add_user(ADA)
    async with house.visitor() as owner, house.visitor() as stranger:
        await owner.enter(ADA)
        await guess(stranger, 100)
        house.clock.pass_by(86_400)
        assert (await stranger.log_in(ADA, proof=await stranger.solve())).json()["type"] == "/problems/mail-link-needed"
        assert (await owner.log_in(ADA)).status_code == 200  # its cookie tells the device
        async with house.pool.acquire() as conn:
            assert locked(await login_stats(conn, house.clock())) == 1
        await stranger.http.post("/v1/login/link", json={"email": ADA})
        await house.desk.postbox.drain()
    async with house.visitor("203.0.113.9") as elsewhere:
        token = house.mailbox.token_for(ADA, "device")
        assert (await elsewhere.http.post("/v1/login/device", json={"token": token})).status_code == 204
        assert (await elsewhere.log_in(ADA)).status_code == 200
    assert await house.count("SELECT failures FROM login_budget WHERE user_id = $1", user_id) == 100


async def test_a_trusted_device_has_a_budget_of_its_own_and_is_trusted_by_its_owner_only(house: House) -> None:
    await house.add_user(ADA)
    await house.add_user("eve@example.com")
    async with house.visitor() as ada, house.visitor("203.0.113.9") as eve:
        await ada.enter(ADA)
        device = (await eve.enter("eve@example.com"))["device"]
        eve.http.cookies.clear()
        answers = [await ada.log_in(ADA, WRONG) for _ in range(6)]
        assert [answer.status_code for answer in answers] == [401] * 5 + [429]
        assert await house.count("SELECT count(*) FROM login_budget") == 0
        assert (await eve.log_in(ADA, WRONG, device=device)).status_code == 401
        assert await house.count("SELECT failures FROM login_budget") == 1
        house.clock.pass_by(2)
        assert (await ada.log_in(ADA)).status_code == 200


async def test_a_right_password_gives_the_budget_back(house: House) -> None:
    await house.add_user(ADA)
    async with house.visitor() as ada:
        await guess(ada, 4)
        assert (await ada.log_in(ADA)).status_code == 200
    async with house.visitor() as elsewhere:
        assert await guess(elsewhere, 4) == [0] * 4


async def test_a_network_that_fails_on_many_names_is_refused_for_an_hour_and_its_trusted_devices_are_not(
    house: House,
) -> None:
    await house.add_user(ADA)
    async with house.visitor("198.51.100.200") as neighbour:
        await neighbour.enter(ADA)
        for at in range(12):
            await kinds(house, f"user{at}@example.com", f"198.51.100.{at}")
        refused = await kinds(house, "another@example.com", "198.51.100.99")
        assert refused == ["network-blocked"]
        assert (await neighbour.log_in(ADA)).status_code == 200
        assert await kinds(house, "another@example.com", "198.51.101.99") == ["login-refused"]
        house.clock.pass_by(3601)
        assert await kinds(house, "another@example.com", "198.51.100.99") == ["login-refused"]
        assert await kinds(house, "another@example.com", "198.51.100.98") == ["network-blocked"]


async def test_a_network_whose_people_mostly_succeed_is_left_alone(house: House) -> None:
    for at in range(12):
        await house.add_user(f"user{at}@example.com")
    for at in range(12):
        async with house.visitor("198.51.100.1") as person:
            await person.log_in(f"user{at}@example.com", WRONG, proof=await person.solve())
            entered = await person.log_in(f"user{at}@example.com", proof=await person.solve())
            assert entered.status_code == 200
    assert await house.count("SELECT count(*) FROM login_network") == 0


async def test_six_bytes_of_an_address_of_version_6_are_one_network(house: House) -> None:
    for at in range(12):
        await kinds(house, f"user{at}@example.com", f"2001:db8:1:2:{at}::1")
    assert await kinds(house, "x@example.com", "2001:db8:1:2:ffff::1") == ["network-blocked"]
    assert await kinds(house, "x@example.com", "2001:db8:1:3::1") == ["login-refused"]


async def test_in_a_surge_every_untrusted_device_works_for_its_attempt(house: House) -> None:
    await house.add_user(ADA)
    async with house.visitor("203.0.113.9") as owner:
        await owner.enter(ADA)
        for at in range(25):
            await kinds(house, f"user{at}@example.com", f"198.51.{at}.1")
        async with house.pool.acquire() as conn:
            rate = await failure_rate(conn, house.clock())
        assert rate == 19 / 20  # what was refused for want of a proof is not counted
        assert await kinds(house, "fresh@example.com", "198.51.99.1") == ["proof-missing"]
        assert (await owner.log_in(ADA)).status_code == 200
        house.clock.pass_by(301)
        assert await kinds(house, "fresh@example.com", "198.51.99.1") == ["login-refused"]


async def test_below_twenty_attempts_there_is_no_rate(house: House) -> None:
    for at in range(19):
        await kinds(house, f"user{at}@example.com", f"198.51.{at}.1")
    async with house.pool.acquire() as conn:
        assert await failure_rate(conn, house.clock()) is None
        assert await failure_rate(conn, house.clock(), ThrottlePolicy(surge_attempts_min=19)) == 1.0


@pytest.mark.parametrize(
    "claimed",
    ["203.0.113.5", "203.0.113.5, 192.0.2.99", "192.0.2.1", "127.0.0.1, 203.0.113.5", "x" * 10_000, "::ffff:1.2.3.4"],
)
async def test_who_forges_the_header_of_proxies_is_still_found(house: House, claimed: str) -> None:
    """The proxy adds the true address on the right; whatever stands left of that is only claimed."""
    for at in range(12):
        await kinds(house, f"user{at}@example.com", f"{claimed}, 198.51.100.7")
    assert await kinds(house, "x@example.com", f"203.0.{len(claimed) % 256}.6, 198.51.100.7") == ["network-blocked"]


async def test_names_that_nobody_has_are_forgotten_after_two_days_and_those_that_somebody_has_are_not(
    house: House,
) -> None:
    await house.add_user(ADA)
    for email in (ADA, "nobody@example.com"):
        await kinds(house, email, "198.51.100.7")
    house.clock.pass_by(2 * 86_400 + 1)
    await house.add_user("eve@example.com")
    async with house.visitor("203.0.113.9") as eve:
        await eve.enter("eve@example.com")
    assert await house.count("SELECT count(*) FROM login_budget WHERE user_id IS NULL") == 0
    assert await house.count("SELECT count(*) FROM login_budget WHERE user_id IS NOT NULL") == 1
    assert await house.count("SELECT count(*) FROM login_attempt") == 1


async def test_who_is_refused_or_delayed_does_not_move_the_delay(house: House) -> None:
    await house.add_user(ADA)
    async with house.visitor() as stranger, house.visitor("203.0.113.9") as owner:
        await guess(stranger, 8)
        waits = [int((await stranger.log_in(ADA, WRONG)).headers["retry-after"]) for _ in range(5)]
        assert waits == [16] * 5
        house.clock.pass_by(16)
        assert (await owner.log_in(ADA, PASSWORD, proof=await owner.solve())).status_code == 200
