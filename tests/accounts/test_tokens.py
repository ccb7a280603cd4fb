"""Access tokens and sessions: what is forged, old, stolen or withdrawn opens nothing."""

import base64
import hmac
import json
from collections.abc import Callable
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tests.accounts.house import PEPPERS, House, Visitor, open_house

from quantum_scheduler.accounts import actions
from quantum_scheduler.accounts.actions import Doing
from quantum_scheduler.accounts.login.signing import RotatedTooSoon, find_signing_key
from quantum_scheduler.accounts.model import LOCAL_ORG_ID

ADA = "ada@example.com"
FORGER = ec.generate_private_key(ec.SECP256R1())
RSA_FORGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)

Claims = dict[str, Any]


def read(token: str) -> tuple[Claims, Claims]:
    return jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})


def bare(header: Claims) -> Claims:
    """A header without its algorithm, which the library else takes from it."""
    return {name: value for name, value in header.items() if name != "alg"}


def unsigned(header: Claims, claims: Claims, signature: bytes = b"") -> str:
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def confuse(header: Claims, claims: Claims, jwk: Claims) -> str:
    """Sign with the public key as if it were a shared secret, which the library itself refuses to do."""
    signed = unsigned(header, claims).rpartition(".")[0]
    signature = hmac.digest(json.dumps(jwk).encode(), signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


async def sign(house: House, claims: Claims, header: Claims) -> str:
    """Sign whatever with the key that really signs."""
    async with house.pool.acquire() as conn, conn.transaction():
        kid, private = await find_signing_key(conn, PEPPERS, house.clock())
    return jwt.encode(claims, private, algorithm="ES256", headers={"kid": kid, "typ": "at+jwt", **header})


async def ask(visitor: Visitor, token: str) -> httpx2.Response:
    return await visitor.http.get("/v1/me", headers={"Authorization": f"Bearer {token}"})


FORGERIES: dict[str, Callable[[Claims, Claims, Claims], str]] = {
    "alg none": lambda header, claims, _: unsigned({**header, "alg": "none"}, claims),
    "alg None": lambda header, claims, _: unsigned({**header, "alg": "None"}, claims),
    "no signature": lambda header, claims, _: unsigned(header, claims),
    "public key as HMAC secret": lambda header, claims, jwk: confuse({**header, "alg": "HS256"}, claims, jwk),
    "another key": lambda header, claims, _: jwt.encode(claims, FORGER, algorithm="ES256", headers=header),
    "another algorithm": lambda header, claims, _: jwt.encode(
        claims, RSA_FORGER, algorithm="RS256", headers=bare(header)
    ),
    "key in the header": lambda header, claims, _: jwt.encode(
        claims,
        FORGER,
        algorithm="ES256",
        headers={**header, "jwk": json.loads(jwt.algorithms.ECAlgorithm.to_jwk(FORGER.public_key()))},
    ),
    "key elsewhere": lambda header, claims, _: jwt.encode(
        claims, FORGER, algorithm="ES256", headers={**header, "jku": "http://127.0.0.1:9/jwks.json"}
    ),
    "unknown kid": lambda header, claims, _: jwt.encode(
        claims, FORGER, algorithm="ES256", headers={**header, "kid": "unknown"}
    ),
    "kid of another kind": lambda header, claims, _: unsigned({**header, "kid": ["x"]}, claims, b"x" * 64),
    "kid that injects": lambda header, claims, _: unsigned({**header, "kid": "' OR 1=1 --\x00"}, claims, b"x" * 64),
    "kid that is a file": lambda header, claims, _: unsigned({**header, "kid": "../../etc/passwd"}, claims, b"x" * 64),
    "zero signature": lambda header, claims, _: unsigned(header, claims, bytes(64)),
    "claims that are a list": lambda header, _claims, _: unsigned(header, [1], bytes(64)),  # type: ignore[arg-type]
    "no JSON": lambda _header, _claims, _: "a.b.c",
    "dots": lambda _header, _claims, _: "..",
    "very long": lambda _header, _claims, _: f"{'a' * 5000}.b.c",
}


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forged_token_opens_nothing(house: House, name: str) -> None:
    await house.add_user(ADA)
    async with house.visitor() as ada:
        token = (await ada.enter(ADA))["access_token"]
        (jwk, *_) = (await ada.http.get("/.well-known/jwks.json")).json()["keys"]
        header, claims = read(token)
        answer = await ask(ada, FORGERIES[name](header, claims, jwk))
        assert answer.status_code == 401, answer.text
        assert answer.json()["type"] == "/problems/key-unknown"
        assert (await ask(ada, token)).status_code == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "another-service"},
        {"aud": None},
        {"iss": "https://elsewhere.example"},
        {"exp": 0},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": 1e300},
        {"iat": 32_503_680_000},
        {"epoch": 7},
        {"epoch": None},
        {"sub": "00000000-0000-7000-8000-000000000002"},
        {"sub": "not an id"},
        {"sid": "00000000-0000-7000-8000-000000000002"},
        {"org": str(LOCAL_ORG_ID)},
    ],
)
async def test_even_rightly_signed_every_claim_must_hold(house: House, changed: Claims) -> None:
    await house.add_user(ADA)
    async with house.visitor() as ada:
        _, claims = read((await ada.enter(ADA))["access_token"])
        kept = {name: value for name, value in {**claims, **changed}.items() if value is not None}
        assert (await ask(ada, await sign(house, kept, {}))).status_code == 401
        assert (await ask(ada, await sign(house, claims, {"typ": "JWT"}))).status_code == 401
        assert (await ask(ada, await sign(house, claims, {}))).status_code == 200


async def test_a_token_is_good_for_ten_minutes_and_a_refresh_token_once(house: House) -> None:
    await house.add_user(ADA)
    async with house.visitor() as ada:
        first = await ada.enter(ADA)
        house.clock.pass_by(599)
        assert (await ask(ada, first["access_token"])).status_code == 200
        house.clock.pass_by(1)
        house.api.state.doorkeeper.forget()
        assert (await ask(ada, first["access_token"])).status_code == 401
        said = {"refresh_token": first["refresh_token"]}
        second = (await ada.http.post("/v1/token/refresh", json=said)).json()
        assert (await ask(ada, second["access_token"])).status_code == 200
        # Somebody else has it too: both are put out.
        assert (await ada.http.post("/v1/token/refresh", json=said)).status_code == 401
        last = await ada.http.post("/v1/token/refresh", json={"refresh_token": second["refresh_token"]})
        assert last.status_code == 401
        house.api.state.doorkeeper.forget()
        assert (await ask(ada, second["access_token"])).status_code == 401
    assert "login.refresh_reused" in await house.list_actions()


async def test_keys_are_published_before_they_sign_and_go_when_nothing_of_them_is_good_any_more(house: House) -> None:
    await house.add_user(ADA)

    async def states() -> list[str]:
        async with house.pool.acquire() as conn:
            rows = await conn.fetch("SELECT state FROM access_token_key ORDER BY published_at, kid")
        return sorted(row["state"] for row in rows)

    async def rotate(*, leaked: bool = False) -> None:
        async with house.pool.acquire() as conn, conn.transaction():
            doing = Doing(now=house.clock(), incident_id="INC-7")
            await actions.rotate_signing_key(conn, doing, peppers=PEPPERS, leaked=leaked)

    async with house.visitor() as ada:
        token = (await ada.enter(ADA))["access_token"]
        published = await ada.http.get("/.well-known/jwks.json")
        assert published.headers["cache-control"] == "public, max-age=300"
        assert {key["alg"] for key in published.json()["keys"]} == {"ES256"}
        assert not any("d" in key for key in published.json()["keys"])
        assert await states() == ["active", "next"]
        house.clock.pass_by(329)
        with pytest.raises(RotatedTooSoon):
            await rotate()
        house.clock.pass_by(1)
        await rotate()
        assert await states() == ["active", "next", "retiring"]
        newer = (await ada.enter(ADA))["access_token"]
        assert read(newer)[0]["kid"] != read(token)[0]["kid"]
        assert read(newer)[0]["kid"] in {key["kid"] for key in published.json()["keys"]}
        assert (await ask(ada, token)).status_code == 200
        house.clock.pass_by(901)
        await rotate()
        assert await states() == ["active", "gone", "next", "retiring"]
        last = (await ada.enter(ADA))["access_token"]
        await rotate(leaked=True)
        house.api.state.doorkeeper.forget()
        assert (await ask(ada, last)).status_code == 401
        assert (await ask(ada, (await ada.enter(ADA))["access_token"])).status_code == 200
    assert await house.count("SELECT count(*) FROM audit_entry WHERE incident_id = 'INC-7'") == 3


async def test_private_keys_are_sealed(house: House) -> None:
    await house.add_user(ADA)
    async with house.visitor() as ada:
        await ada.enter(ADA)
    async with house.pool.acquire() as conn:
        sealed = [row["sealed"] for row in await conn.fetch("SELECT sealed FROM access_token_key")]
    assert all(text.startswith(b"1:gAAAA") for text in sealed)


async def test_a_console_has_a_cookie_that_scripts_cannot_read_and_changes_nothing_without_its_token(
    house: House,
) -> None:
    await house.add_user(ADA, roles=("admin",))
    async with house.visitor() as ada:
        tokens = await ada.enter(ADA, session="cookie")
        csrf = ada.http.headers.pop("X-CSRF-Token")
        cookie = next(c for c in ada.http.cookies.jar if c.name == "qs_session")
        assert cookie.has_nonstandard_attr("HttpOnly")
        assert tokens["refresh_token"] is None
        assert (await ada.http.get("/v1/me")).json()["email"] == ADA
        for headers in ({}, {"X-CSRF-Token": "x"}, {"X-CSRF-Token": "0" * 64}):
            refused = await ada.http.post("/v1/keys", json={}, headers=headers)
            assert refused.json()["type"] == "/problems/csrf-refused"
        headers = {"X-CSRF-Token": csrf}
        assert (await ada.http.post("/v1/keys", json={}, headers=headers)).status_code == 201
        token = (await ada.http.post("/v1/token", headers=headers)).json()["access_token"]
        assert (await ask(ada, token)).status_code == 200
        assert (await ada.http.post("/v1/logout", headers=headers)).status_code == 204
        house.api.state.doorkeeper.forget()
        ada.http.cookies.set("qs_session", cookie.value or "")
        assert (await ada.http.get("/v1/me")).json()["type"] == "/problems/session-unknown"
        assert (await ask(ada, token)).status_code == 401


async def test_a_session_that_nobody_uses_ends_in_an_hour_and_every_one_in_half_a_day(house: House) -> None:
    await house.add_user(ADA)
    async with house.visitor() as ada:
        await ada.enter(ADA, session="cookie")
        statuses = []
        for _ in range(14):
            house.clock.pass_by(3_500)
            house.api.state.doorkeeper.forget()
            statuses.append((await ada.http.get("/v1/me")).status_code)
        assert statuses == [200] * 12 + [401] * 2
        await ada.enter(ADA, session="cookie")
        house.clock.pass_by(3_601)
        house.api.state.doorkeeper.forget()
        assert (await ada.http.get("/v1/me")).status_code == 401


async def test_sessions_are_listed_and_ended_by_their_owner_only(house: House) -> None:
    await house.add_user(ADA)
    await house.add_user("eve@example.com")
    async with house.visitor() as ada, house.visitor() as eve:
        await ada.enter(ADA)
        await eve.enter("eve@example.com")
        (session,) = (await ada.http.get("/v1/sessions")).json()["items"]
        assert session["network"] == "198.51.100.0/24"
        assert (await eve.http.delete(f"/v1/sessions/{session['id']}")).status_code == 404
        assert (await ada.http.delete(f"/v1/sessions/{session['id']}")).status_code == 204
        house.api.state.doorkeeper.forget()
        assert (await ada.http.get("/v1/me")).status_code == 401


@pytest.mark.parametrize("cookie", ["x", "qss_", "qss_" + "0" * 32 + "_" + "0" * 64, "\x7f", "qsk_live_x"])
async def test_a_cookie_that_is_no_session_opens_nothing(house: House, cookie: str) -> None:
    async with house.visitor() as stranger:
        answer = await stranger.http.get("/v1/me", headers={"Cookie": f"qs_session={cookie}"})
    assert answer.status_code == 401


async def test_over_tls_cookies_are_for_this_host_and_tls_only(pool: Any, dsn: str) -> None:
    async with open_house(pool, dsn, public_url="https://console.example") as house, house.visitor() as ada:
        await house.add_user(ADA)
        answer = await ada.log_in(ADA, session="cookie")
        cookies = answer.headers.get_list("set-cookie")
        assert {text.partition("=")[0] for text in cookies} == {"__Host-qs_session", "__Host-qs_device"}
        assert all("Secure" in text and "HttpOnly" in text and "Path=/" in text for text in cookies)
        assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
        assert (await ada.http.get("/v1/me")).status_code == 200
