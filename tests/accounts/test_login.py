"""Logging in: what it gives, what it refuses, and that it tells nobody who exists."""

import asyncio

import pytest
from tests.accounts.house import CHEAP, OTHER_PASSWORD, PASSWORD, House

from quantum_scheduler.accounts.audit.verify import verify_audit
from quantum_scheduler.accounts.login.model import PasswordWeak
from quantum_scheduler.accounts.login.password import LENGTH_MIN, PasswordPool, check_password, read_breached

ADA = "ada@example.com"


async def test_a_right_password_gives_tokens_that_open_the_door(house: House) -> None:
    org_id = await house.add_organisation()
    user_id = await house.add_user(ADA, org_id=org_id)
    async with house.visitor() as ada:
        tokens = await ada.enter("  ADA@Example.com ".strip())
        me = (await ada.http.get("/v1/me")).json()
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 600
    assert (me["organisation"], me["user"], me["email"]) == (str(org_id), str(user_id), ADA)
    assert me["roles"] == ["customer"]
    assert "jobs:write" in me["scopes"]
    assert "ops:write" not in me["scopes"]


async def test_a_wrong_password_and_a_name_that_nobody_has_are_answered_alike(house: House) -> None:
    await house.add_user(ADA)
    async with house.visitor() as stranger:
        wrong = await stranger.log_in(ADA, "x" * 20)
        nobody = await stranger.log_in("nobody@example.com", "x" * 20)
    assert wrong.status_code == nobody.status_code == 401
    ids = ("request_id",)
    assert {k: v for k, v in wrong.json().items() if k not in ids} == {
        k: v for k, v in nobody.json().items() if k not in ids
    }
    assert wrong.headers.keys() == nobody.headers.keys()


def test_for_a_name_that_nobody_has_a_hash_of_the_same_cost_is_compared() -> None:
    passwords = PasswordPool(cost=CHEAP)
    assert not passwords._compare(None, PASSWORD)
    assert passwords._decoy is not None
    assert not passwords.is_outdated(passwords._decoy)
    passwords.close()


async def test_mails_are_asked_for_by_anybody_and_sent_to_those_who_exist(house: House) -> None:
    await house.add_user(ADA)
    async with house.visitor() as stranger:
        for path in ("/v1/login/link", "/v1/password/forgot"):
            answers = [await stranger.http.post(path, json={"email": to}) for to in (ADA, "nobody@example.com")]
            assert [(answer.status_code, answer.content) for answer in answers] == [(202, b"")] * 2
    await house.desk.postbox.drain()
    assert {mail.to for mail in house.mailbox.mails} == {ADA}
    assert len(house.mailbox.mails) == 2


async def test_a_mailbox_is_not_flooded(house: House) -> None:
    await house.add_user(ADA)
    async with house.visitor() as stranger:
        for _ in range(8):
            await stranger.http.post("/v1/login/link", json={"email": ADA})
    await house.desk.postbox.drain()
    assert len(house.mailbox.mails) == 5


async def test_a_link_sets_a_new_password_once_and_ends_every_session(house: House) -> None:
    await house.add_user(ADA)
    async with house.visitor() as ada, house.visitor() as browser:
        tokens = await ada.enter(ADA)
        await browser.enter(ADA, session="cookie")
        await ada.http.post("/v1/password/forgot", json={"email": ADA})
        await house.desk.postbox.drain()
        said = {"token": house.mailbox.token_for(ADA, "password"), "password": OTHER_PASSWORD}
        assert (await ada.http.post("/v1/password/reset", json=said)).status_code == 204
        assert (await ada.http.post("/v1/password/reset", json=said)).status_code == 410
        house.api.state.doorkeeper.forget()
        assert (await ada.http.get("/v1/me")).status_code == 401
        assert (await browser.http.get("/v1/me")).status_code == 401
        refreshed = await ada.http.post("/v1/token/refresh", json={"refresh_token": tokens["refresh_token"]})
        assert refreshed.status_code == 401
        assert (await ada.log_in(ADA)).status_code == 401
        assert (await ada.log_in(ADA, OTHER_PASSWORD)).status_code == 200


async def test_a_link_is_good_for_an_hour_and_for_what_it_was_sent_for(house: House) -> None:
    await house.add_user(ADA)
    async with house.visitor() as ada:
        await ada.http.post("/v1/login/link", json={"email": ADA})
        await ada.http.post("/v1/password/forgot", json={"email": ADA})
        await house.desk.postbox.drain()
        device = house.mailbox.token_for(ADA, "device")
        said = {"token": device, "password": OTHER_PASSWORD}
        assert (await ada.http.post("/v1/password/reset", json=said)).status_code == 410
        house.clock.pass_by(3601)
        assert (await ada.http.post("/v1/login/device", json={"token": device})).status_code == 410


async def test_a_weak_password_is_refused_with_a_reason(house: House) -> None:
    await house.add_user(ADA)
    async with house.visitor() as ada:
        await ada.enter(ADA)
        for weak, reason in (
            ("short", "15"),
            ("1234567890987654321", "breach"),
            ("passwordpassword", "breach"),
            ("qwerty qwerty qwerty", "guessed"),
            ("ada@example.comada@example.com", "guessed"),
        ):
            answer = await ada.http.post("/v1/password", json={"current": PASSWORD, "new": weak})
            assert answer.status_code == 422, weak
            assert reason in answer.text
        long = "many words in a row " * 12
        assert (await ada.http.post("/v1/password", json={"current": PASSWORD, "new": long})).status_code == 204


def test_the_shipped_list_holds_what_the_policy_would_let_through() -> None:
    shipped = read_breached(None)
    assert len(shipped) > 9_000
    assert min(map(len, shipped)) >= LENGTH_MIN
    for common in sorted(shipped)[::500]:
        with pytest.raises(PasswordWeak, match="breach"):
            check_password(common.upper(), own_words=())


async def test_to_change_a_password_the_old_one_is_needed_and_other_sessions_end(house: House) -> None:
    await house.add_user(ADA)
    async with house.visitor() as here, house.visitor() as there:
        await here.enter(ADA, session="cookie")
        await there.enter(ADA, session="cookie")
        refused = await here.http.post("/v1/password", json={"current": "x" * 20, "new": OTHER_PASSWORD})
        assert refused.status_code == 401
        changed = await here.http.post("/v1/password", json={"current": PASSWORD, "new": OTHER_PASSWORD})
        assert changed.status_code == 204
        house.api.state.doorkeeper.forget()
        assert (await here.http.get("/v1/me")).status_code == 200
        assert (await there.http.get("/v1/me")).status_code == 401


async def test_a_second_factor_is_asked_for_once_it_was_confirmed(house: House) -> None:
    await house.add_user(ADA)
    async with house.visitor() as ada:
        await ada.enter(ADA)
        secret = (await ada.http.post("/v1/totp")).json()["secret"]
        assert (await ada.http.post("/v1/totp/confirm", json={"code": "000000"})).status_code == 401
        confirmed = await ada.http.post("/v1/totp/confirm", json={"code": await ada.code(secret)})
        recovery = confirmed.json()["recovery_codes"]
        assert len(set(recovery)) == 10
        assert (await ada.log_in(ADA)).json()["type"] == "/problems/second-factor-missing"
        again = await ada.log_in(ADA, code=await ada.code(secret))
        assert again.json()["type"] == "/problems/second-factor-refused"
        house.clock.pass_by(30)
        assert (await ada.log_in(ADA, code=await ada.code(secret))).status_code == 200
        assert (await ada.log_in(ADA, code=recovery[3])).status_code == 200
        assert (await ada.log_in(ADA, code=recovery[3])).status_code == 401
        house.clock.pass_by(30)
        removed = await ada.http.request("DELETE", "/v1/totp", json={"code": await ada.code(secret)})
        assert removed.status_code == 204
        assert (await ada.log_in(ADA)).status_code == 200


async def test_codes_have_a_budget_of_their_own_that_only_the_password_opens(house: House) -> None:
    user_id = await house.add_user(ADA)
    async with house.visitor() as ada:
        tokens = await ada.enter(ADA)
        secret = (await ada.http.post("/v1/totp")).json()["secret"]
        await ada.http.post("/v1/totp/confirm", json={"code": await ada.code(secret)})
        house.clock.pass_by(30)
        answers = [await ada.log_in(ADA, code="000000", device=tokens["device"]) for _ in range(6)]
        assert [answer.status_code for answer in answers] == [401] * 5 + [429]
        assert int(answers[-1].headers["retry-after"]) == 2
        assert await house.count("SELECT totp_failures FROM person WHERE id = $1", user_id) == 5
    async with house.visitor() as stranger:
        for _ in range(3):
            assert (await stranger.log_in(ADA, "x" * 20, code="000000")).status_code == 401
    assert await house.count("SELECT totp_failures FROM person WHERE id = $1", user_id) == 5


async def test_two_logins_with_one_code_are_one_login(house: House) -> None:
    await house.add_user(ADA)
    async with house.visitor() as ada:
        await ada.enter(ADA)
        secret = (await ada.http.post("/v1/totp")).json()["secret"]
        await ada.http.post("/v1/totp/confirm", json={"code": await ada.code(secret)})
        house.clock.pass_by(30)
        code = await ada.code(secret)
        answers = await asyncio.gather(*(ada.log_in(ADA, code=code) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]


async def test_logins_are_in_the_audit_log_without_a_secret(house: House) -> None:
    await house.add_user(ADA)
    async with house.visitor() as ada:
        await ada.log_in(ADA, "x" * 20)
        await ada.enter(ADA)
        await ada.http.post("/v1/logout")
        assert (await ada.http.get("/v1/me")).status_code == 401
    assert await house.list_actions() == ["login.refused", "login.entered", "login.left"]
    async with house.pool.acquire() as conn:
        assert (await verify_audit(conn)).broken is None
        text = str(await conn.fetch("SELECT * FROM audit_entry"))
    assert PASSWORD not in text
    assert "198.51.100.0/24" in text
