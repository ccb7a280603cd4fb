"""What is done about accounts over HTTP: by those who run the installation, at once, twice if need be, and audited."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.accounts.house import House, Visitor

from quantum_scheduler.accounts.model import LOCAL_ORG_ID

ADA, ROOT, OP = "ada@example.com", "root@example.com", "op@example.com"
INCIDENT = "incident-2026-11-22-001"


@pytest.fixture
async def root(house: House) -> AsyncIterator[Visitor]:
    """An admin of the installation."""
    async with house.pool.acquire() as conn:
        await conn.execute("INSERT INTO organisation (id, name) VALUES ($1, 'local')", LOCAL_ORG_ID)
    await house.add_user(ROOT, org_id=LOCAL_ORG_ID, roles=("admin",))
    await house.add_user(OP, org_id=LOCAL_ORG_ID, roles=("operator",))
    async with house.visitor("203.0.113.1") as visitor:
        await visitor.enter(ROOT)
        yield visitor


async def act(visitor: Visitor, path: str, **said: Any) -> Any:
    answer = await visitor.http.post(f"/v1/admin/{path}", json={**said, "incident_id": INCIDENT})
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


async def last_entry(house: House) -> tuple[str, str, UUID | None]:
    async with house.pool.acquire() as conn:
        row = await conn.fetchrow("SELECT action, incident_id, user_id FROM audit_entry ORDER BY seq DESC LIMIT 1")
    assert row is not None
    return row["action"], row["incident_id"], row["user_id"]


async def test_who_is_blocked_is_out_at_once_and_in_again_when_unblocked(house: House, root: Visitor) -> None:
    org_id = await house.add_organisation()
    ada_id = await house.add_user(ADA, org_id=org_id)
    key = await house.add_key(org_id)
    root_id = await house.count("SELECT count(*) FROM person WHERE email = $1", ROOT)
    assert root_id == 1
    async with house.visitor() as ada, house.visitor() as program:
        await ada.enter(ADA)
        program.http.headers["Authorization"] = f"Bearer {key}"
        for target, visitor, status in (
            ({"user": str(ada_id)}, ada, 401),
            ({"organisation": str(org_id)}, program, 403),
        ):
            assert (await visitor.http.get("/v1/me")).status_code == 200
            assert await act(root, "accounts/block", **target, reason="odd") == {"changed": True}
            assert await act(root, "accounts/block", **target, reason="odd") == {"changed": False}
            assert (await visitor.http.get("/v1/me")).status_code == status
            assert await act(root, "accounts/unblock", **target) == {"changed": True}
            action, incident, by = await last_entry(house)
            assert (action, incident) == ("accounts.unblock", INCIDENT)
            assert by is not None
        assert (await program.http.get("/v1/me")).status_code == 200


async def test_a_network_is_blocked_for_a_while(house: House, root: Visitor) -> None:
    await house.add_user(ADA)
    async with house.visitor("198.51.100.7") as stranger:
        await act(root, "accounts/block", network="198.51.100.0/24", reason="guesses", for_s=60.0)
        assert (await stranger.log_in(ADA)).status_code == 429
        await act(root, "accounts/unblock", network="198.51.100.0/24")
        assert (await stranger.log_in(ADA)).status_code == 200


async def test_budgets_are_given_back_and_proofs_asked_for(house: House, root: Visitor) -> None:
    ada_id = await house.add_user(ADA)
    async with house.visitor() as stranger:
        for _ in range(5):
            await stranger.log_in(ADA, "x" * 20)
        assert (await stranger.log_in(ADA)).status_code == 429
        assert await act(root, "accounts/unlock", user=str(ada_id)) == {"changed": True}
        assert await act(root, "accounts/unlock", user=str(ada_id)) == {"changed": False}
        assert await act(root, "accounts/require-proof-of-work", for_s=600.0) == {"changed": True}
        assert (await stranger.log_in(ADA)).status_code == 428
        await act(root, "accounts/require-proof-of-work", for_s=0.0)
        assert (await stranger.log_in(ADA)).status_code == 200


async def test_a_second_factor_is_asked_for_of_an_organisation(house: House, root: Visitor) -> None:
    org_id = await house.add_organisation()
    await house.add_user(ADA, org_id=org_id, roles=("admin",))
    async with house.visitor() as ada:
        await ada.enter(ADA)
        said = {"organisation": str(org_id)}
        assert await act(root, "accounts/require-second-factor", **said) == {"changed": True}
        assert (await ada.http.get("/v1/users")).status_code == 403
        await act(root, "accounts/require-second-factor", **said, is_required=False)
        assert (await ada.http.get("/v1/users")).status_code == 200


async def test_a_second_factor_that_was_lost_is_removed_by_admins_only(house: House, root: Visitor) -> None:
    ada_id = await house.add_user(ADA)
    async with house.visitor() as ada, house.visitor("203.0.113.2") as op:
        await ada.enter(ADA)
        await ada.set_factor()
        await op.enter(OP)
        refused = await op.http.post("/v1/admin/accounts/remove-second-factor", json={"user": str(ada_id)})
        assert refused.status_code == 403
        await house.desk.postbox.drain()
        house.mailbox.mails.clear()
        assert await act(root, "accounts/remove-second-factor", user=str(ada_id)) == {"changed": True}
        assert (await last_entry(house))[:2] == ("accounts.remove_second_factor", INCIDENT)
        assert await act(root, "accounts/remove-second-factor", user=str(ada_id)) == {"changed": False}
        assert (await ada.http.get("/v1/me")).status_code == 401
        assert (await ada.log_in(ADA)).status_code == 200
        await house.desk.postbox.drain()
        told = [(mail.to, mail.subject) for mail in house.mailbox.mails]
    assert told == [(ADA, "Your second factor was removed - quantum-scheduler")]


async def test_keys_are_replaced_and_revoked_by_admins_and_only_revoked_by_operators(
    house: House, root: Visitor
) -> None:
    key = await house.add_key(await house.add_organisation())
    key_id = UUID(key.split("_")[2])
    async with house.visitor() as program, house.visitor("203.0.113.2") as operator:
        await operator.enter(OP)
        refused = await operator.http.post(f"/v1/admin/keys/{key_id}/rotate", json={})
        assert (refused.status_code, refused.json()["type"]) == (403, "/problems/scope-missing")
        made = await act(root, f"keys/{key_id}/rotate", leaked=True)
        for text, status in ((key, 401), (made["key"], 200)):
            program.http.headers["Authorization"] = f"Bearer {text}"
            assert (await program.http.get("/v1/me")).status_code == status
        assert await act(operator, f"keys/{made['id']}/revoke") == {"changed": True}
        assert await act(operator, f"keys/{made['id']}/revoke") == {"changed": False}
        assert (await program.http.get("/v1/me")).status_code == 401


async def test_a_signing_key_that_leaked_is_withdrawn_with_its_tokens(house: House, root: Visitor) -> None:
    await house.add_user(ADA)
    async with house.visitor() as ada, house.visitor() as program:
        await ada.enter(ADA)
        key = await house.add_key(LOCAL_ORG_ID, "all")
        program.http.headers["Authorization"] = f"Bearer {key}"
        assert (await act(program, "jwt/rotate", leaked=True))["withdrawn"]
        assert (await ada.http.get("/v1/me")).status_code == 401
        too_soon = await program.http.post("/v1/admin/jwt/rotate", json={})
        assert (too_soon.status_code, too_soon.json()["type"]) == (409, "/problems/rotated-too-soon")


REFUSED: tuple[tuple[str, dict[str, Any], int], ...] = (
    ("accounts/block", {"reason": "nobody is named"}, 422),
    ("accounts/block", {"user": str(uuid4()), "network": "198.51.100.0/24", "reason": "two are"}, 422),
    ("accounts/block", {"network": "198.51.100.7", "reason": "no network"}, 422),
    ("accounts/block", {"network": "198.51.100.0/24"}, 422),
    ("accounts/block", {"organisation": str(LOCAL_ORG_ID), "reason": "ours"}, 409),
    ("accounts/block", {"user": str(uuid4()), "reason": "unknown"}, 404),
    ("accounts/unlock", {"user": str(uuid4())}, 404),
    ("accounts/require-second-factor", {"organisation": str(uuid4())}, 404),
    ("accounts/remove-second-factor", {"user": str(uuid4())}, 404),
    (f"keys/{uuid4()}/revoke", {}, 404),
    (f"keys/{uuid4()}/rotate", {}, 404),
    ("accounts/require-proof-of-work", {"for_s": -1}, 422),
)


async def test_what_cannot_be_done_is_said_with_a_reason(root: Visitor) -> None:
    for path, said, status in REFUSED:
        answer = await root.http.post(f"/v1/admin/{path}", json=said)
        assert (answer.status_code, bool(answer.json()["detail"])) == (status, True), (path, answer.text)
