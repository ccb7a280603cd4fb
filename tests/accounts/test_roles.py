"""Organisations: who may do what, and that nobody sees another's."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.accounts.house import OTHER_PASSWORD, PASSWORD, House

from quantum_scheduler.accounts.model import LOCAL_ORG_ID
from quantum_scheduler.accounts.scope import SCOPES
from quantum_scheduler.jobs.examples import BINARY_JOB
from quantum_scheduler.notifications.model import Message, Target
from quantum_scheduler.notifications.outbox import post_message
from quantum_scheduler.postgres.separate import CLOSED, CUSTOMER_ROLE, SHARED, RowWall, separate_rows

ADA, EVE = "ada@example.com", "eve@example.com"
# What each part of a path is of a victim. A route with other parts is the installation's own, closed to every customer.
PARTS = ("job_id", "key_id", "user_id", "invitation_id", "session_id", "message")
# Keys have neither.
OF_PEOPLE = {"session_id", "message"}
# So is what is below these, whatever its parts.
ADMIN = ("/v1/admin/", "/v1/incidents", "/v1/oncall", "/v1/maintenances", "/v1/run", "/api/alerts")


async def fill(house: House) -> tuple[UUID, dict[str, str]]:
    """An organisation that has one of everything."""
    org_id = await house.add_organisation("Victim")
    user_id = await house.add_user(ADA, org_id=org_id, roles=("admin",))
    key = await house.add_key(org_id)
    async with house.visitor() as ada:
        await ada.enter(ADA)
        invited = await ada.http.post("/v1/invitations", json={"email": "new@example.com", "roles": ["customer"]})
        sessions = (await ada.http.get("/v1/sessions")).json()["items"]
        job = await ada.http.post("/v1/jobs", json=BINARY_JOB)
        assert job.status_code == 201, job.text
        async with house.pool.acquire() as conn:
            inbox, told = Target(channel="inbox", address=str(user_id)), Message(kind="notice", title="a quota")
            await post_message(conn, [inbox], told, dedup_key="k", now=datetime.now(UTC))
        inbox_now = (await ada.http.get("/v1/inbox")).json()["items"]
    return org_id, {
        "job_id": job.json()["id"],
        "key_id": str(UUID(key.split("_")[2])),
        "user_id": str(user_id),
        "invitation_id": invited.json()["id"],
        "session_id": sessions[0]["id"],
        "message": inbox_now[0]["id"],
    }


async def test_every_route_says_that_another_organisations_things_are_not_there(house: House) -> None:
    _, things = await fill(house)
    other = await house.add_organisation("Other")
    await house.add_user(EVE, org_id=other, roles=("admin",))
    key = await house.add_key(other, "all")
    operations = [
        (method.upper(), path, _example(operation))
        for path, entry in _document(house)["paths"].items()
        for method, operation in entry.items()
        if "{" in path and not _is_of_installation(path)
    ]
    assert {part for _, path, _ in operations for part in _parts(path)} == set(PARTS)
    async with house.visitor() as eve, house.visitor() as program:
        await eve.enter(EVE)
        program.http.headers["Authorization"] = f"Bearer {key}"
        for method, path, body in operations:
            url = path.format(**things)
            answer = await eve.http.request(method, url, json=body)
            assert answer.status_code == 404, (method, path, answer.text)
            by_key = await program.http.request(method, url, json=body)
            assert by_key.status_code == (403 if OF_PEOPLE & set(_parts(path)) else 404), (method, path, by_key.text)


async def test_what_is_of_the_installation_is_closed_to_every_customer(house: House) -> None:
    other = await house.add_organisation("Other")
    await house.add_user(EVE, org_id=other, roles=("admin", "operator", "finance"))
    key = await house.add_key(other, "all")
    things = _Anything(name="team", org_id=str(other), class_name="key", meter="solve_ms", key_id=str(UUID(int=1)))
    operations = [
        (method.upper(), path.format_map(things), _example(operation))
        for path, entry in _document(house)["paths"].items()
        for method, operation in entry.items()
        if _is_of_installation(path)
    ]
    assert operations
    async with house.visitor() as eve, house.visitor() as program:
        await eve.enter(EVE)
        program.http.headers["Authorization"] = f"Bearer {key}"
        for method, url, body in operations:
            for visitor in (eve, program):
                answer = await visitor.http.request(method, url, json=body)
                assert answer.status_code == 403, (method, url, answer.text)


async def test_every_list_holds_ones_own_only(house: House) -> None:
    org_id, things = await fill(house)
    other = await house.add_organisation("Other")
    await house.add_user(EVE, org_id=other, roles=("admin",))
    async with house.visitor() as eve:
        await eve.enter(EVE)
        for path in (
            "/v1/jobs",
            "/v1/keys",
            "/v1/users",
            "/v1/invitations",
            "/v1/sessions",
            "/v1/audit",
            "/v1/me",
            "/v1/inbox",
        ):
            answer = await eve.http.get(path)
            assert answer.status_code == 200
            assert not [thing for thing in (str(org_id), ADA, *things.values()) if thing in answer.text], path


class _Anything(dict[str, str]):
    """A value for every part of a path."""

    def __missing__(self, part: str) -> str:
        return "1"


def _is_of_installation(path: str) -> bool:
    parts = set(_parts(path))
    return path.startswith(ADMIN) or (bool(parts) and not parts & set(PARTS))


def _document(house: House) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(house.api.state.description.openapi)
    return document


def _example(operation: dict[str, Any]) -> Any:
    """A body that the operation takes, or None where it takes none."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return next((example["value"] for example in content.get("examples", {}).values()), None)


def _parts(path: str) -> list[str]:
    return [step.strip("{}") for step in path.split("/") if step.startswith("{")]


async def test_behind_the_wall_the_database_shows_one_organisation_whatever_is_asked(house: House) -> None:
    org_id, _ = await fill(house)
    other = await house.add_organisation("Other")
    wall = RowWall(house.pool)
    counted: dict[UUID, dict[str, int]] = {}
    for each in (org_id, other):
        async with wall.enter(each) as conn:
            assert await conn.fetchval("SELECT current_user") == CUSTOMER_ROLE
            counted[each] = {
                table: await conn.fetchval(f"SELECT count(*) FROM {table}") for table in ("job", "task", "organisation")
            }
            assert await conn.execute("UPDATE job SET name = name") == f"UPDATE {counted[each]['job']}"
    assert counted[org_id] == {"job": 1, "task": 1, "organisation": 1}
    assert counted[other] == {"job": 0, "task": 0, "organisation": 1}


async def test_behind_the_wall_nothing_is_written_for_another_organisation(house: House) -> None:
    org_id, _ = await fill(house)
    other = await house.add_organisation("Other")
    wall = RowWall(house.pool)
    with pytest.raises(Exception, match="row-level security"):
        async with wall.enter(other) as conn:
            await conn.execute(
                "INSERT INTO task (lane, org_id, kind, priority, state) VALUES ('x', $1, 'x', 0, 'ready')", org_id
            )


async def test_behind_the_wall_there_are_no_passwords_keys_or_logs(house: House) -> None:
    org_id = await house.add_organisation()
    wall = RowWall(house.pool)
    for table in CLOSED:
        with pytest.raises(Exception, match="permission denied"):
            async with wall.enter(org_id) as conn:
                await conn.execute(f"SELECT FROM {table}")


async def test_every_table_with_an_organisation_is_behind_the_wall(house: House) -> None:
    open_tables = """
        SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
            AND NOT relrowsecurity AND EXISTS (
                SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'org_id'
            )
    """
    assert await house.count(open_tables) == 0
    assert await house.count("SELECT count(*) FROM pg_policies WHERE policyname = 'one_organisation'") >= 8


async def test_every_other_table_is_closed_or_meant_to_be_read_by_all(house: House) -> None:
    async with house.pool.acquire() as conn:
        # An installation of an earlier release, in which customers could write what is closed now.
        await conn.execute(f"GRANT ALL ON worker, plan TO {CUSTOMER_ROLE}")
        async with conn.transaction():
            await separate_rows(conn)
        rights = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
        rights += f" AND NOT relrowsecurity AND has_table_privilege('{CUSTOMER_ROLE}', oid, $1) ORDER BY relname"
        assert tuple(row["relname"] for row in await conn.fetch(rights, "SELECT")) == SHARED
        assert await conn.fetch(rights, "INSERT, UPDATE, DELETE") == []


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("customer", {"/v1/jobs", "/v1/keys"}),
        ("operator", {"/v1/jobs", "/v1/keys", "/v1/users", "/v1/invitations", "/v1/audit"}),
        ("finance", {"/v1/audit"}),
        ("admin", {"/v1/jobs", "/v1/keys", "/v1/users", "/v1/invitations", "/v1/audit"}),
    ],
)
async def test_a_role_opens_what_it_stands_for(house: House, role: Any, allowed: set[str]) -> None:
    await house.add_user(ADA, roles=(role,))
    async with house.visitor() as ada:
        await ada.enter(ADA)
        paths = ("/v1/jobs", "/v1/keys", "/v1/users", "/v1/invitations", "/v1/audit")
        answers = {path: (await ada.http.get(path)).status_code for path in paths}
        assert answers == {path: 200 if path in allowed else 403 for path in paths}
        written = await ada.http.post("/v1/invitations", json={"email": "x@example.com", "roles": ["customer"]})
        assert written.status_code == (201 if role == "admin" else 403)


async def test_only_the_organisation_that_runs_the_installation_gives_scopes_that_reach_beyond(house: House) -> None:
    await house.add_user(ADA, roles=("admin", "operator"))
    async with house.pool.acquire() as conn:
        await conn.execute("INSERT INTO organisation (id, name) VALUES ($1, 'local')", LOCAL_ORG_ID)
    await house.add_user("root@example.com", org_id=LOCAL_ORG_ID, roles=("admin",))
    async with house.visitor() as ada, house.visitor() as root:
        await ada.enter(ADA)
        await root.enter("root@example.com")
        customers = set((await ada.http.get("/v1/me")).json()["scopes"])
        operators = set((await root.http.get("/v1/me")).json()["scopes"])
        assert operators == set(SCOPES)
        assert operators - customers == {"ops:read", "ops:write", "alerts:write", "billing:write"}
        assert (await ada.http.post("/v1/keys", json={"scopes": ["ops:write"]})).status_code == 403


async def test_a_key_can_do_no_more_than_whoever_issued_it(house: House) -> None:
    org_id = await house.add_organisation()
    key = await house.add_key(org_id, "keys:read", "keys:write")
    async with house.visitor() as program:
        program.http.headers["Authorization"] = f"Bearer {key}"
        for scope in ("jobs:read", "users:write", "audit:read"):
            refused = await program.http.post("/v1/keys", json={"scopes": [scope]})
            assert (refused.status_code, refused.json()["type"]) == (403, "/problems/scope-missing")
        made = (await program.http.post("/v1/keys", json={"scopes": ["keys:read"], "name": "reader"})).json()
        program.http.headers["Authorization"] = f"Bearer {made['key']}"
        assert (await program.http.get("/v1/keys")).status_code == 200
        assert (await program.http.post("/v1/keys", json={"scopes": ["keys:read"]})).status_code == 403
        assert (await program.http.get("/v1/jobs")).status_code == 403


async def test_somebody_who_is_invited_becomes_a_member_once(house: House) -> None:
    await house.add_user(ADA, roles=("admin",))
    async with house.visitor() as ada, house.visitor() as new:
        await ada.enter(ADA)
        invited = await ada.http.post("/v1/invitations", json={"email": "New@Example.com", "roles": ["finance"]})
        assert invited.status_code == 201
        assert "token" not in invited.text
        await house.desk.postbox.drain()
        said = {"token": house.mailbox.token_for("new@example.com", "invitation"), "name": "Grace"}
        weak = await new.http.post("/v1/join", json={**said, "password": "too short"})
        assert weak.status_code == 422
        accepted = await new.http.post("/v1/join", json={**said, "password": OTHER_PASSWORD})
        assert accepted.status_code == 204
        again = await new.http.post("/v1/join", json={**said, "password": OTHER_PASSWORD})
        assert again.status_code == 410
        await new.enter("new@example.com", OTHER_PASSWORD)
        assert (await new.http.get("/v1/me")).json()["roles"] == ["finance"]
        assert (await ada.http.get("/v1/invitations")).json()["items"] == []
    assert "users.join" in await house.list_actions()


async def test_an_invitation_does_not_take_over_an_account_that_is_there(house: House) -> None:
    await house.add_user(ADA, roles=("admin",))
    await house.add_user(EVE)
    async with house.visitor() as ada, house.visitor() as eve:
        await ada.enter(ADA)
        await ada.http.post("/v1/invitations", json={"email": EVE, "roles": ["customer"]})
        await house.desk.postbox.drain()
        said = {"token": house.mailbox.token_for(EVE, "invitation"), "name": "Eve"}
        assert (await eve.http.post("/v1/join", json={**said, "password": OTHER_PASSWORD})).status_code == 401
        assert (await eve.http.post("/v1/join", json={**said, "password": PASSWORD})).status_code == 204
        assert (await eve.log_in(EVE, PASSWORD)).status_code == 200


async def test_an_invitation_that_was_withdrawn_or_is_a_week_old_is_worthless(house: House) -> None:
    await house.add_user(ADA, roles=("admin",))
    async with house.visitor() as ada:
        await ada.enter(ADA)
        invited = await ada.http.post("/v1/invitations", json={"email": EVE, "roles": ["customer"]})
        await house.desk.postbox.drain()
        said = {"token": house.mailbox.token_for(EVE, "invitation"), "name": "Eve", "password": PASSWORD}
        house.clock.pass_by(7 * 86_400 + 1)
        assert (await ada.http.post("/v1/join", json=said)).status_code == 410
        await ada.enter(ADA)
        invited = await ada.http.post("/v1/invitations", json={"email": EVE, "roles": ["customer"]})
        await house.desk.postbox.drain()
        said["token"] = house.mailbox.token_for(EVE, "invitation")
        assert (await ada.http.delete(f"/v1/invitations/{invited.json()['id']}")).status_code == 204
        assert (await ada.http.post("/v1/join", json=said)).status_code == 410


async def test_roles_change_at_once_and_somebody_stays_an_admin(house: House) -> None:
    org_id = await house.add_organisation()
    ada_id = await house.add_user(ADA, org_id=org_id, roles=("admin",))
    eve_id = await house.add_user(EVE, org_id=org_id, roles=("admin",))
    async with house.visitor() as ada, house.visitor() as eve:
        await ada.enter(ADA)
        await eve.enter(EVE)
        assert (await ada.http.put(f"/v1/users/{eve_id}/roles", json={"roles": ["customer"]})).status_code == 200
        house.api.state.doorkeeper.forget()
        assert (await eve.http.get("/v1/users")).status_code == 403
        assert (await ada.http.put(f"/v1/users/{ada_id}/roles", json={"roles": ["customer"]})).status_code == 409
        assert (await ada.http.delete(f"/v1/users/{ada_id}")).status_code == 409
        assert (await ada.http.delete(f"/v1/users/{uuid4()}")).status_code == 404
        assert (await ada.http.delete(f"/v1/users/{eve_id}")).status_code == 204
        house.api.state.doorkeeper.forget()
        assert (await eve.http.get("/v1/me")).status_code == 401


async def test_who_belongs_to_several_organisations_says_which_is_meant(house: House) -> None:
    first, second, third = [await house.add_organisation(name) for name in ("First", "Second", "Third")]
    user_id = await house.add_user(ADA, org_id=first)
    async with house.pool.acquire() as conn:
        await conn.execute("INSERT INTO membership VALUES ($1, $2, '{admin}')", second, user_id)
    async with house.visitor() as ada:
        await ada.enter(ADA)
        assert (await ada.http.get("/v1/me")).json()["organisation"] == str(first)
        await ada.enter(ADA, organisation=str(second))
        assert (await ada.http.get("/v1/me")).json()["organisation"] == str(second)
        assert (await ada.log_in(ADA, organisation=str(third))).status_code == 403
