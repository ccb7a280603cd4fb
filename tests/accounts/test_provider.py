"""Login through an OpenID provider: a real one on the loopback, and what a false one tries."""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from tests.accounts.house import House, Visitor, open_house

from quantum_scheduler.accounts.login.desk import ProviderOptions
from quantum_scheduler.accounts.model import LOCAL_ORG_ID
from quantum_scheduler.postgres.connect import Pool

CLIENT_ID, CLIENT_SECRET = "scheduler", "a secret of both"
EMAIL = "operator@example.com"


@dataclass
class LoopbackProvider:
    """An OpenID provider in fifty lines: discovery, keys, and a token endpoint that checks client and PKCE."""

    url: str = ""
    key: ECKey = field(
        default_factory=lambda: ECKey.generate_key("P-256", {"kid": "one", "use": "sig", "alg": "ES256"})
    )
    issued: dict[str, dict[str, Any]] = field(default_factory=dict)
    change: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims
    signer: ECKey | None = None
    is_broken: bool = False

    def authorise(
        self, url: str, *, subject: str = "s-1", email: str = EMAIL, verified: bool = True
    ) -> tuple[str, str]:
        """Somebody logs in here; the code and the state that their browser takes back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert asked["redirect_uri"].endswith("/v1/login/oidc/callback")
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self.issued)}"
        self.issued[code] = {**asked, "sub": subject, "email": email, "email_verified": verified}
        return code, asked["state"]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path, *_ = head.split()
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head.splitlines()[1:])
        }
        body = (await reader.readexactly(int(headers.get("content-length", 0)))).decode()
        status, answer = self.answer(method, path, headers, body)
        payload = json.dumps(answer).encode()
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(payload)}\r\n"
            "Connection: close\r\n\r\n".encode()
            + payload
        )
        await writer.drain()
        writer.close()

    def answer(self, method: str, path: str, headers: dict[str, str], body: str) -> tuple[str, Any]:
        if self.is_broken:
            return "500 Oops", {}
        match method, path:
            case "GET", "/.well-known/openid-configuration":
                names = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/jwks"}
                return "200 OK", {"issuer": self.url} | {name: self.url + path for name, path in names.items()}
            case "GET", "/jwks":
                return "200 OK", KeySet([self.key]).as_dict(private=False)
            case "POST", "/token":
                return self.exchange(headers, {name: values[0] for name, values in parse_qs(body).items()})
        return "404 Not Found", {}

    def exchange(self, headers: dict[str, str], form: dict[str, str]) -> tuple[str, Any]:
        client = base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode()
        asked = self.issued.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if client != f"{CLIENT_ID}:{CLIENT_SECRET.replace(' ', '+')}" and client != f"{CLIENT_ID}:{CLIENT_SECRET}":
            return "401 Unauthorized", {"error": "invalid_client"}
        if asked is None or asked["code_challenge"] != challenge:
            return "400 Bad Request", {"error": "invalid_grant"}
        claims = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "sub": asked["sub"],
            "email": asked["email"],
            "email_verified": asked["email_verified"],
            "nonce": asked["nonce"],
            "iat": 1_772_366_400,
            "exp": 1_772_370_000,
        }
        token = jwt.encode({"alg": "ES256", "kid": "one"}, self.change(claims), self.signer or self.key)
        return "200 OK", {"access_token": "at", "token_type": "Bearer", "id_token": token}


@asynccontextmanager
async def open_both(pool: Pool, dsn: str) -> AsyncIterator[tuple[House, LoopbackProvider]]:
    provider = LoopbackProvider()
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0)
    async with server:
        provider.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        options = ProviderOptions(issuer=provider.url, client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
        async with open_house(pool, dsn, provider=options) as house:
            async with house.pool.acquire() as conn:
                await conn.execute("INSERT INTO organisation (id, name) VALUES ($1, 'local')", LOCAL_ORG_ID)
            await house.add_user(EMAIL, org_id=LOCAL_ORG_ID, roles=("operator",))
            yield house, provider


@pytest.fixture
async def both(pool: Pool, dsn: str) -> AsyncIterator[tuple[House, LoopbackProvider]]:
    async with open_both(pool, dsn) as opened:
        yield opened


async def go(visitor: Visitor, provider: LoopbackProvider, **who: Any) -> int:
    """Log in through the provider, and tell what the callback answers."""
    begun = await visitor.http.get("/v1/login/oidc")
    assert begun.status_code == 303
    code, state = provider.authorise(begun.headers["location"], **who)
    return (await visitor.http.get("/v1/login/oidc/callback", params={"code": code, "state": state})).status_code


Both = tuple[House, LoopbackProvider]


async def test_an_operator_who_was_invited_here_logs_in_there(both: Both) -> None:
    house, provider = both
    async with house.visitor() as operator:
        assert await go(operator, provider) == 303
        me = (await operator.http.get("/v1/me")).json()
        assert (me["email"], me["roles"]) == (EMAIL, ["operator"])
        # From now on the provider's own name for them counts, whatever address it says.
        assert await go(operator, provider, email="new@example.com") == 303
    assert (await house.list_actions()).count("login.entered") == 2


@pytest.mark.parametrize(
    "who",
    [{"email": "stranger@example.com"}, {"verified": False}, {"email": "stranger@example.com", "verified": False}],
)
async def test_who_was_not_invited_or_has_an_address_that_was_not_verified_has_no_account(
    both: Both, who: dict[str, Any]
) -> None:
    house, provider = both
    async with house.visitor() as stranger:
        assert await go(stranger, provider, **who) == 401
        assert (await stranger.http.get("/v1/me")).status_code == 401


async def test_an_address_that_went_to_somebody_else_there_does_not_open_the_account_here(both: Both) -> None:
    house, provider = both
    async with house.visitor() as operator, house.visitor() as heir:
        assert await go(operator, provider, subject="s-1") == 303
        assert await go(heir, provider, subject="s-2") == 401


@pytest.mark.parametrize(
    "changed",
    [
        {"nonce": "another"},
        {"aud": "another-client"},
        {"iss": "https://elsewhere.example"},
        {"exp": 1_772_000_000},
        {"iat": 1_772_999_999},
        {"azp": "another-client"},
        {"sub": None},
        {"nonce": None},
    ],
)
async def test_a_token_with_a_false_claim_is_refused(both: Both, changed: dict[str, Any]) -> None:
    house, provider = both
    provider.change = lambda claims: {name: v for name, v in {**claims, **changed}.items() if v is not None}
    async with house.visitor() as operator:
        assert await go(operator, provider) == 401


async def test_a_token_that_another_has_signed_is_refused(both: Both) -> None:
    house, provider = both
    provider.signer = ECKey.generate_key("P-256", {"kid": "one"})
    async with house.visitor() as operator:
        assert await go(operator, provider) == 401


async def test_only_the_browser_that_began_a_login_can_finish_it_and_once(both: Both) -> None:
    house, provider = both
    async with house.visitor() as operator, house.visitor() as eve:
        begun = await operator.http.get("/v1/login/oidc")
        code, state = provider.authorise(begun.headers["location"])
        said = {"code": code, "state": state}
        assert (await eve.http.get("/v1/login/oidc/callback", params=said)).status_code == 401
        assert (await operator.http.get("/v1/login/oidc/callback", params={**said, "state": "x"})).status_code == 401
        assert (await operator.http.get("/v1/login/oidc/callback", params=said)).status_code == 303
        operator.http.cookies.set("qs_oidc", state)
        assert (await operator.http.get("/v1/login/oidc/callback", params=said)).status_code == 401


async def test_a_provider_that_is_away_is_said_to_be(both: Both) -> None:
    house, provider = both
    provider.is_broken = True
    async with house.visitor() as operator:
        answer = await operator.http.get("/v1/login/oidc")
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/provider-away")


async def test_without_a_provider_there_is_no_such_login(house: House) -> None:
    async with house.visitor() as stranger:
        answer = await stranger.http.get("/v1/login/oidc")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/provider-missing")
