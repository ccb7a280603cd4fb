"""Whatever is sent to the routes of accounts, by whomever: one clear answer, never a failure and never a way in."""

import json
import random
import string
from typing import Any

from tests.accounts.house import House

ROUNDS = 4
NASTY: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**70,
    1e308,
    "",
    " ",
    "\x00",
    "\ud7ff\uffff",
    "' OR 1=1 --",
    "{{7*7}}",
    "../../etc/passwd",
    "<script>",
    "a@b",
    "x" * 300,
    [],
    {},
    [[[[]]]],
    {"$ne": None},
    "00000000-0000-7000-8000-000000000001",
)
NASTY_HEADERS = (
    {"Authorization": "Bearer " + "é"},
    {"Authorization": "Bearer " + "a.b." * 2000},
    {"Authorization": "Bearer qsk_live_" + "0" * 32 + "_" + "0" * 48 + "_00000000"},
    {"Authorization": "Basic " + "=" * 50},
    {"Cookie": "qs_session=" + "x" * 5000},
    {"Cookie": "qs_session=qss_%00; qs_device=\x7f; qs_oidc=;;;==="},
    {"X-CSRF-Token": "é" * 50},
    {"X-Forwarded-For": ",,,,, ::::, 999.999.999.999, fe80::1%eth0"},
    {"X-Forwarded-For": ", ".join(["1.2.3.4"] * 5000)},
    {"User-Agent": "\x7f" * 5000},
    {"Content-Type": "application/json; charset=\x7f"},
)


def mangle(example: Any, chance: random.Random) -> bytes:
    """A body that is nearly right, or not at all."""
    match chance.randrange(5):
        case 0:
            return bytes(chance.randrange(256) for _ in range(chance.randrange(60)))
        case 1:
            return json.dumps(chance.choice(NASTY)).encode(errors="surrogatepass")
        case 2:
            return json.dumps({**(example or {}), chance.choice(string.ascii_letters): chance.choice(NASTY)}).encode()
        case _:
            changed = dict(example or {})
            for name in list(changed):
                if chance.random() < 0.6:
                    changed[name] = chance.choice(NASTY)
            return json.dumps(changed).encode(errors="surrogatepass")


def list_operations(house: House) -> list[tuple[str, str, dict[str, Any]]]:
    """Every operation, with a path in which every part is what it is called."""
    document = json.loads(house.api.state.description.openapi)
    return [
        (method, path.replace("{", "").replace("}", ""), operation)
        for path, entry in document["paths"].items()
        for method, operation in entry.items()
    ]


def find_example(operation: dict[str, Any]) -> Any:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return next((each["value"] for each in content.get("examples", {}).values()), None)


async def test_no_header_and_no_body_opens_a_door_or_breaks_it(house: House) -> None:
    chance = random.Random(23)
    operations = list_operations(house)
    closed = [(method, url, operation) for method, url, operation in operations if "security" in operation]
    assert len(closed) > 25
    async with house.visitor() as stranger:
        for method, url, operation in operations:
            for _ in range(ROUNDS):
                headers = {"Content-Type": "application/json", **chance.choice(NASTY_HEADERS)}
                encoded = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
                body = mangle(find_example(operation), chance)
                answer = await stranger.http.request(method, url, content=body, headers=encoded)
                assert answer.status_code < 500, (method, url, answer.text)
                assert answer.status_code in (400, 401) or (method, url, operation) not in closed, (method, url)


async def test_who_is_logged_in_breaks_nothing_either(house: House) -> None:
    chance = random.Random(29)
    await house.add_user("ada@example.com", roles=("admin",))
    async with house.visitor() as ada:
        for method, url, operation in list_operations(house):
            await ada.enter("ada@example.com")
            for _ in range(2):
                body = mangle(find_example(operation), chance)
                headers = {"Content-Type": "application/json"}
                answer = await ada.http.request(method, url, content=body, headers=headers)
                assert answer.status_code < 500, (method, url, answer.text)


async def test_forms_of_mail_links_break_nothing_and_show_what_was_typed_as_text(house: House) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    async with house.visitor() as stranger:
        for page in ("invitation", "password", "device"):
            shown = await stranger.http.get(f"/account/{page}", params={"token": '"><script>alert(1)</script>'})
            assert shown.status_code == 200
            assert "<script" not in shown.text
            assert "form-action 'self'" in shown.headers["content-security-policy"]
            for body in (b"", b"token=x", b"\xff\x00", b"a=1&" * 50, b"x" * 20_000, b"token=%00&name=%00&password=%00"):
                answer = await stranger.http.post(f"/account/{page}", content=body, headers=form)
                assert answer.status_code == 422, answer.text
            assert (await stranger.http.post(f"/account/{page}", json={})).status_code == 415
        assert (await stranger.http.get("/account/elsewhere")).status_code == 404


async def test_an_account_is_set_up_with_the_form_of_its_link(house: House) -> None:
    await house.add_user("ada@example.com", roles=("admin",))
    async with house.visitor() as ada, house.visitor() as new:
        await ada.enter("ada@example.com")
        await ada.http.post("/v1/invitations", json={"email": "new@example.com", "roles": ["customer"]})
        await house.desk.postbox.drain()
        token = house.mailbox.token_for("new@example.com", "invitation")
        page = await new.http.get("/account/invitation", params={"token": token})
        assert token in page.text
        fields = {"token": token, "name": "Grace", "password": "marmalade orbit teacup violin"}
        done = await new.http.post("/account/invitation", data=fields)
        assert done.status_code == 200
        assert (await new.log_in("new@example.com")).status_code == 200
        await new.http.post("/v1/login/link", json={"email": "new@example.com"})
        await house.desk.postbox.drain()
        trusted = await new.http.post(
            "/account/device", data={"token": house.mailbox.token_for("new@example.com", "device")}
        )
        assert "qs_device" in trusted.headers["set-cookie"]
