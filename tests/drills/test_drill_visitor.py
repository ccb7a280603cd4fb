"""Somebody who logs in rightly in a drill gets in whatever strangers are asked for, and has no account afterwards."""

from tests.accounts.house import open_house

from quantum_scheduler.accounts.actions import Doing, require_proof_of_work
from quantum_scheduler.accounts.login.invite import invite_person
from quantum_scheduler.drills.visitor import Visitor
from quantum_scheduler.postgres.connect import Pool


async def test_a_visitor_gets_in_with_a_proof_of_work_and_then_by_its_device(pool: Pool, dsn: str) -> None:
    async with open_house(pool, dsn) as house, house.visitor() as program:
        org_id = await house.add_organisation()
        key = await house.add_key(org_id, "users:read", "users:write")
        program.http.headers["Authorization"] = f"Bearer {key}"

        async def invite(email: str) -> str:
            async with pool.acquire() as conn, conn.transaction():
                invited = await invite_person(conn, house.desk, org_id, email, ["customer"], by=None)
            return invited.link.partition("token=")[2]

        async with pool.acquire() as conn, conn.transaction():
            await require_proof_of_work(conn, Doing(now=house.clock()), for_s=600.0)
        visitor = Visitor(program.http, invite)
        async with visitor.visiting():
            await visitor.log_in()
            await visitor.log_in()
            (user,) = (await program.http.get("/v1/users")).json()["items"]
            assert user["email"].startswith("visitor-")
        assert (visitor.entered >= 2, visitor.turned_away) == (True, 0)
        assert (await program.http.get("/v1/users")).json()["items"] == []
        await visitor.log_in()
        assert visitor.turned_away == 1
