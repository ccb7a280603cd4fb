"""Where an organisation asks for a second factor, those who look after it do nothing without one."""

from uuid import UUID

import pytest
from tests.accounts.house import House

from quantum_scheduler.accounts.actions import Doing, require_second_factor

ADA, JOE = "ada@example.com", "joe@example.com"


async def ask_for_factor(house: House, org_id: UUID, *, is_required: bool = True) -> bool:
    async with house.pool.acquire() as conn, conn.transaction():
        changed = await require_second_factor(conn, org_id, Doing(now=house.clock()), is_required=is_required)
    house.api.state.doorkeeper.forget()
    return changed


@pytest.mark.parametrize(("role", "session"), [("operator", "token"), ("finance", "token"), ("admin", "cookie")])
async def test_a_session_without_a_factor_may_only_set_one(house: House, role: str, session: str) -> None:
    org_id = await house.add_organisation()
    await house.add_user(ADA, org_id=org_id, roles=(role,))  # type: ignore[arg-type]  # it is a role
    async with house.visitor() as ada:
        await ada.enter(ADA, session=session)
        assert (await ada.http.get("/v1/audit")).status_code == 200
        assert await ask_for_factor(house, org_id)
        refused = await ada.http.get("/v1/audit")
        assert (refused.status_code, refused.json()["type"]) == (403, "/problems/second-factor-needed")
        assert (await ada.http.get("/v1/quota")).status_code == 403
        assert (await ada.http.get("/v1/me")).json()["second_factor_due"]
        await ada.set_factor()
        assert (await ada.http.get("/v1/audit")).status_code == 200
        assert not (await ada.http.get("/v1/me")).json()["second_factor_due"]


async def test_a_new_login_with_the_password_alone_opens_nothing_either(house: House) -> None:
    org_id = await house.add_organisation()
    await house.add_user(ADA, org_id=org_id, roles=("admin",))
    await ask_for_factor(house, org_id)
    async with house.visitor() as ada:
        await ada.enter(ADA)
        assert (await ada.http.get("/v1/users")).status_code == 403
        secret = await ada.set_factor()
        house.clock.pass_by(30)
        await ada.enter(ADA, code=await ada.code(secret))
        assert (await ada.http.get("/v1/users")).status_code == 200
        house.clock.pass_by(30)
        kept = await ada.http.request("DELETE", "/v1/totp", json={"code": await ada.code(secret)})
        assert (kept.status_code, kept.json()["type"]) == (409, "/problems/second-factor-asked-for")


async def test_customers_keys_and_other_organisations_go_on(house: House) -> None:
    org_id = await house.add_organisation()
    await house.add_user(JOE, org_id=org_id, roles=("customer",))
    await house.add_user(ADA, roles=("admin",))
    key = await house.add_key(org_id)
    await ask_for_factor(house, org_id)
    async with house.visitor() as joe, house.visitor() as ada, house.visitor() as program:
        await joe.enter(JOE)
        await ada.enter(ADA)
        program.http.headers["Authorization"] = f"Bearer {key}"
        for visitor in (joe, ada, program):
            assert (await visitor.http.get("/v1/jobs")).status_code == 200


async def test_it_ends_as_it_began_and_is_audited(house: House) -> None:
    org_id = await house.add_organisation()
    await house.add_user(ADA, org_id=org_id, roles=("admin",))
    assert [await ask_for_factor(house, org_id) for _ in range(2)] == [True, False]
    assert [await ask_for_factor(house, org_id, is_required=False) for _ in range(2)] == [True, False]
    async with house.visitor() as ada:
        await ada.enter(ADA)
        assert (await ada.http.get("/v1/users")).status_code == 200
    assert (await house.list_actions()).count("accounts.require_second_factor") == 4


async def test_a_factor_that_is_set_or_removed_ends_the_other_sessions(house: House) -> None:
    await house.add_user(ADA)
    async with house.visitor() as here, house.visitor() as there:
        await here.enter(ADA)
        await there.enter(ADA)
        secret = await here.set_factor()
        assert (await there.http.get("/v1/me")).status_code == 401
        house.clock.pass_by(30)
        await there.enter(ADA, code=await there.code(secret))
        house.clock.pass_by(30)
        await here.http.request("DELETE", "/v1/totp", json={"code": await here.code(secret)})
        assert (await there.http.get("/v1/me")).status_code == 401
        assert (await here.http.get("/v1/me")).status_code == 200
