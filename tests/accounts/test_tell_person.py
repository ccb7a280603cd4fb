"""People hear of what was changed of their account, and guessing the password inside it is as slow as outside."""

from tests.accounts.house import OTHER_PASSWORD, PASSWORD, House

ADA = "ada@example.com"


async def subjects(house: House) -> list[str]:
    """What Ada was told since the last time."""
    await house.desk.postbox.drain()
    assert {mail.to for mail in house.mailbox.mails} <= {ADA}
    told = [mail.subject.removesuffix(" - quantum-scheduler") for mail in house.mailbox.mails]
    house.mailbox.mails.clear()
    return told


async def test_whoever_owns_an_account_is_told_of_every_change(house: House) -> None:
    await house.add_user(ADA, roles=("admin",))
    async with house.visitor() as ada:
        await ada.enter(ADA)
        assert await subjects(house) == ["A new device"]
        await ada.enter(ADA)
        assert await subjects(house) == []  # it is known now
        await ada.http.post("/v1/keys", json={"name": "nightly"})
        assert await subjects(house) == ["A new API key"]
        secret = (await ada.http.post("/v1/totp")).json()["secret"]
        assert await subjects(house) == []  # nothing has changed yet
        await ada.http.post("/v1/totp/confirm", json={"code": await ada.code(secret)})
        assert await subjects(house) == ["Your second factor was set"]
        house.clock.pass_by(30)
        await ada.http.request("DELETE", "/v1/totp", json={"code": await ada.code(secret)})
        assert await subjects(house) == ["Your second factor was removed"]
        await ada.http.post("/v1/password", json={"current": PASSWORD, "new": OTHER_PASSWORD})
        assert await subjects(house) == ["Your password was changed"]
    async with house.visitor() as ada:
        await ada.http.post("/v1/password/forgot", json={"email": ADA})
        await house.desk.postbox.drain()
        token = house.mailbox.token_for(ADA, "password")
        house.mailbox.mails.clear()
        await ada.http.post("/v1/password/reset", json={"token": token, "password": PASSWORD})
        assert await subjects(house) == ["Your password was changed"]
        await ada.http.post("/v1/login/link", json={"email": ADA})
        await house.desk.postbox.drain()
        token = house.mailbox.token_for(ADA, "device")
        house.mailbox.mails.clear()
        await ada.http.post("/v1/login/device", json={"token": token})
        await house.desk.postbox.drain()
        assert "from the network 198.51.100.0/24" in house.mailbox.mails[0].text
        assert await subjects(house) == ["A new device"]


async def test_a_stolen_session_guesses_the_password_no_faster_than_the_login(house: House) -> None:
    await house.add_user(ADA)
    async with house.visitor() as thief:
        await thief.enter(ADA)
        thief.http.cookies.clear()
        wrong = {"current": "x" * 20, "new": OTHER_PASSWORD}
        answers = [await thief.http.post("/v1/password", json=wrong) for _ in range(6)]
        assert [answer.status_code for answer in answers] == [401] * 5 + [429]
        house.clock.pass_by(2)
        right = {"current": PASSWORD, "new": OTHER_PASSWORD}
        unproven = await thief.http.post("/v1/password", json=right)
        assert unproven.json()["type"] == "/problems/proof-missing"
        proven = await thief.http.post("/v1/password", json={**right, "proof": await thief.solve()})
        assert proven.status_code == 204
    assert (await house.list_actions()).count("login.refused") == 5


async def test_ones_own_device_is_not_held_up_by_whoever_guesses(house: House) -> None:
    await house.add_user(ADA)
    async with house.visitor() as ada, house.visitor("203.0.113.9") as stranger:
        await ada.enter(ADA)
        for _ in range(8):
            await stranger.log_in(ADA, "x" * 20)
        changed = await ada.http.post("/v1/password", json={"current": PASSWORD, "new": OTHER_PASSWORD})
        assert changed.status_code == 204
