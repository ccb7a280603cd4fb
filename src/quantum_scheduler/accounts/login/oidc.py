"""Log operators in through an OpenID provider: the code flow with PKCE, state and nonce (OpenID Connect Core 1.0).

Nobody gets an account by having one there: a verified address must be that of somebody who was invited here.
"""

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from quantum_scheduler.accounts.login.desk import LoginDesk, ProviderOptions
from quantum_scheduler.accounts.login.enter import Entered, enter, fold_email
from quantum_scheduler.accounts.login.model import LoginRefused, Person, Place
from quantum_scheduler.accounts.login.store import oidc as store
from quantum_scheduler.accounts.login.store import person as people
from quantum_scheduler.accounts.pepper import PepperInvalid
from quantum_scheduler.postgres.connect import Connection

SCOPE = "openid email profile"
ALGORITHMS = ["RS256", "ES256", "PS256"]
LOGIN_S = 600.0
DISCOVERED_S = 300.0
TIMEOUT_S = 10.0
LEEWAY_S = 30


class ProviderAway(Exception):  # noqa: N818  an error is named for what happened
    """The OpenID provider does not answer as one does."""

    def __init__(self) -> None:
        super().__init__("the login provider cannot be reached at the moment; try again soon")


class ProviderMissing(Exception):  # noqa: N818
    """This installation has no OpenID provider."""

    def __init__(self) -> None:
        super().__init__("login through a provider is not set up here")


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """Where to send the browser, and what its cookie must hold when it comes back."""

    url: str
    state: str


class Provider:
    """One OpenID provider. What it publishes of itself is kept for a few minutes. Close it."""

    def __init__(self, options: ProviderOptions, *, redirect_uri: str) -> None:
        self.options = options
        self.redirect_uri = redirect_uri
        self._http = httpx2.AsyncClient(timeout=TIMEOUT_S, trust_env=False)
        self._published: tuple[float, Mapping[str, Any], KeySet] | None = None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def write_url(self, *, state: str, nonce: str, verifier: str) -> str:
        """Where a browser logs in. Raises ProviderAway."""
        metadata, _ = await self._discover()
        async with self._client() as client:
            url, _ = client.create_authorization_url(
                metadata["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier
            )
        return cast("str", url)

    async def fetch_claims(self, *, code: str, nonce: str, verifier: str, now: datetime) -> Mapping[str, Any]:
        """Exchange a code for what the provider says of somebody. Raises ProviderAway, LoginRefused."""
        metadata, keys = await self._discover()
        try:
            async with self._client() as client:
                tokens = await client.fetch_token(
                    metadata["token_endpoint"], code=code, code_verifier=verifier, grant_type="authorization_code"
                )
            decoded = jwt.decode(tokens["id_token"], keys, algorithms=ALGORITHMS)
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                options={"iss": {"essential": True, "value": self.options.issuer}, "aud": {"essential": True}},
                params={"nonce": nonce, "client_id": self.options.client_id, "access_token": tokens["access_token"]},
            )
            claims.validate(now=int(now.timestamp()), leeway=LEEWAY_S)
        except (OAuthError, JoseError, KeyError, ValueError, TypeError):
            raise LoginRefused from None
        except httpx2.HTTPError:
            raise ProviderAway from None
        audience = decoded.claims["aud"]
        if self.options.client_id not in (audience if isinstance(audience, list) else [audience]):
            raise LoginRefused
        return cast("Mapping[str, Any]", decoded.claims)

    def _client(self) -> AsyncOAuth2Client:
        return AsyncOAuth2Client(
            self.options.client_id,
            self.options.client_secret,
            scope=SCOPE,
            redirect_uri=self.redirect_uri,
            code_challenge_method="S256",
            timeout=TIMEOUT_S,
            trust_env=False,
        )

    async def _discover(self) -> tuple[Mapping[str, Any], KeySet]:
        if self._published is None or time.monotonic() > self._published[0]:
            try:
                url = f"{self.options.issuer.rstrip('/')}/.well-known/openid-configuration"
                metadata: dict[str, Any] = (await self._http.get(url)).raise_for_status().json()
                keys = (await self._http.get(metadata["jwks_uri"])).raise_for_status().json()
                key_set = KeySet.import_key_set(keys)
            except (httpx2.HTTPError, httpx2.InvalidURL, KeyError, ValueError, TypeError, JoseError):
                raise ProviderAway from None
            if metadata.get("issuer") != self.options.issuer:
                raise ProviderAway
            self._published = (time.monotonic() + DISCOVERED_S, metadata, key_set)
        return self._published[1:]


async def begin_login(desk: LoginDesk, provider: Provider) -> Begun:
    """Begin a login at the provider. Opens its own transaction. Raises ProviderAway."""
    state, nonce, verifier = (secrets.token_urlsafe(48) for _ in range(3))
    url = await provider.write_url(state=state, nonce=nonce, verifier=verifier)
    sealed = desk.peppers.seal("oidc", json.dumps([nonce, verifier]).encode())
    now = desk.now()
    async with desk.pool.acquire() as conn, conn.transaction():
        digest = desk.peppers.digest("oidc", state)
        await store.insert_login(conn, digest, sealed, expires_at=now + timedelta(seconds=LOGIN_S), now=now)
    return Begun(url=url, state=state)


async def finish_login(desk: LoginDesk, provider: Provider, *, code: str, state: str, place: Place) -> Entered:
    """Log in whom the provider sent back. Opens its own transactions.

    Raises LoginRefused, ProviderAway, NoMembership.
    """
    async with desk.pool.acquire() as conn, conn.transaction():
        sealed = await store.use_login(conn, desk.peppers.digest("oidc", state), desk.now())
    if sealed is None:
        raise LoginRefused
    try:
        nonce, verifier = json.loads(desk.peppers.unseal("oidc", sealed))
    except PepperInvalid:
        raise LoginRefused from None
    claims = await provider.fetch_claims(code=code, nonce=nonce, verifier=verifier, now=desk.now())
    async with desk.pool.acquire() as conn, conn.transaction():
        person = await _find(conn, provider.options.issuer, claims)
        opened = await enter(conn, desk, person, place, kind="cookie", method="oidc", org_id=None)
    return Entered(person=person, opened=opened, device=None)


async def _find(conn: Connection, issuer: str, claims: Mapping[str, Any]) -> Person:
    """Whom the provider means: known by its name for them, or at first by their verified address."""
    subject, email = str(claims["sub"]), claims.get("email")
    person = await people.find_by_subject(conn, issuer, subject)
    if person is None and isinstance(email, str) and claims.get("email_verified") is True:
        person = await people.find_by_email(conn, fold_email(email))
        if person is not None and not await people.link_subject(conn, person.id, issuer, subject):
            raise LoginRefused  # the address was somebody else's there before
    if person is None or person.is_blocked:
        raise LoginRefused
    return person
