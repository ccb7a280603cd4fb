"""Accounts from the command line, on a running service."""

import json
import re
from typing import Any
from uuid import UUID, uuid4

import httpx2

PASSWORD = "marmalade orbit teacup violin"


def run_json(run_here: Any, service: Any, *arguments: str) -> Any:
    ended = run_here(*arguments, "--json", environ=service.environ)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_the_set_up_link_of_the_first_start_makes_the_admin_who_then_logs_in(service: Any, run_here: Any) -> None:
    link = service.about["setup_link"]
    address, token = link.split("?token=")
    assert address == f"{service.about['url']}/account/invitation"
    with httpx2.Client(base_url=service.about["url"], trust_env=False, timeout=60) as browser:
        assert browser.get(link).status_code == 200
        fields = {"token": token, "name": "Ada", "password": PASSWORD}
        assert browser.post("/account/invitation", data=fields).status_code == 200
        assert browser.post("/account/invitation", data=fields).status_code == 422
        tokens = browser.post("/v1/login", json={"email": "admin@localhost", "password": PASSWORD}).json()
        me = browser.get("/v1/me", headers={"Authorization": f"Bearer {tokens['access_token']}"}).json()
    assert me["roles"] == ["admin", "operator"]
    users = run_json(run_here, service, "user")
    assert [(user["email"], user["roles"]) for user in users] == [("admin@localhost", ["admin", "operator"])]
    blocked = run_json(run_here, service, "user", "block", "admin@localhost", "--reason", "left", "--incident", "INC-1")
    assert blocked == {"changed": True}
    assert run_json(run_here, service, "user", "block", "admin@localhost", "--reason", "left") == {"changed": False}
    assert run_json(run_here, service, "user", "unblock", "admin@localhost") == {"changed": True}
    assert run_json(run_here, service, "user", "unlock", "admin@localhost") == {"changed": False}
    assert run_json(run_here, service, "user", "remove-second-factor", "admin@localhost") == {"changed": False}


def test_organisations_and_keys_are_made_used_rotated_and_revoked(service: Any, run_here: Any) -> None:
    org = run_json(run_here, service, "org", "create", "Acme")["id"]
    assert org in {each["id"] for each in run_json(run_here, service, "org")}
    made = run_json(run_here, service, "key", "create", "--org", org, "--name", "nightly", "--days", "30")

    def status(key: str) -> int:
        headers = {"Authorization": f"Bearer {key}"}
        return httpx2.get(f"{service.about['url']}/v1/me", headers=headers, trust_env=False, timeout=60).status_code

    assert status(made["key"]) == 200
    rotated = run_json(run_here, service, "key", "rotate", made["id"], "--leaked", "--incident", "INC-2")
    assert status(rotated["key"]) == 200
    assert run_json(run_here, service, "key", "revoke", rotated["id"]) == {"changed": True}
    listed = run_json(run_here, service, "key", "--org", org)
    assert {UUID(key["id"]): key["revoked_at"] is not None for key in listed} == {
        UUID(made["id"]): True,
        UUID(rotated["id"]): True,
    }
    for changed in (True, False):
        assert run_json(run_here, service, "org", "second-factor", org) == {"changed": changed}
    assert run_json(run_here, service, "org", "second-factor", org, "--optional") == {"changed": True}
    assert run_json(run_here, service, "org", "block", org, "--reason", "unpaid") == {"changed": True}
    assert run_json(run_here, service, "org", "unblock", org) == {"changed": True}
    invited = run_here("user", "invite", "new@example.com", "--org", org, "--role", "admin", environ=service.environ)
    assert re.fullmatch(r"http://\S+/account/invitation\?token=\S+\n", invited.stdout)


def test_a_plan_that_there_is_not_is_told_before_an_organisation_is_made(service: Any, run_here: Any) -> None:
    before = len(run_json(run_here, service, "org"))
    refused = run_here("org", "create", "Acme", "--plan", "gold", environ=service.environ)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "there is no plan 'gold'" in refused.stderr
    assert len(run_json(run_here, service, "org")) == before


def test_the_audit_log_is_read_and_checked(service: Any, run_here: Any) -> None:
    run_json(run_here, service, "user", "require-proof", "--minutes", "0")
    check = run_json(run_here, service, "audit", "verify")
    assert check["broken"] is None
    assert check["entries"] >= 1
    (newest,) = run_json(run_here, service, "audit", "--limit", "1")
    assert newest["action"] == "accounts.require_proof_of_work"
    assert newest["hash"] == check["head"]


def test_what_is_not_there_is_told_in_one_line(service: Any, run_here: Any) -> None:
    for arguments in (
        ("key", "revoke", str(uuid4())),
        ("key", "create", "--org", str(uuid4())),
        ("user", "block", "nobody@example.com", "--reason", "x"),
        ("org", "block", "00000000-0000-7000-8000-000000000001", "--reason", "x"),
        ("org", "unblock", str(uuid4())),
    ):
        ended = run_here(*arguments, environ=service.environ)
        assert (ended.returncode, len(ended.stderr.splitlines())) == (2, 1), ended.stderr
