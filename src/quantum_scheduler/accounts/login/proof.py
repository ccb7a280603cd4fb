"""Proofs of work: an attempt that costs its sender a moment of computing (ALTCHA, https://altcha.org).

The library signs challenges and checks solutions; that each is used once is ours to see to.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs

from altcha.v1 import Payload, create_challenge, verify_solution

from quantum_scheduler.accounts.login.model import ProofRefused
from quantum_scheduler.accounts.login.store import throttle as store
from quantum_scheduler.accounts.pepper import Peppers
from quantum_scheduler.postgres.connect import Connection

# About 50 ms of a browser, and a thousand times that for a thousand attempts.
NUMBER_MAX = 50_000
EXPIRES_S = 600.0
TEXT_LENGTH_MAX = 512
ALGORITHM: Final = "SHA-256"


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What is to be solved: the number up to `maxnumber` that, written after the salt, has the hash `challenge`."""

    algorithm: str
    challenge: str
    maxnumber: int
    salt: str
    signature: str


def make_challenge(peppers: Peppers, now: datetime, *, number_max: int = NUMBER_MAX) -> Challenge:
    """Make a challenge that is good for `EXPIRES_S`."""
    made = create_challenge(
        algorithm=ALGORITHM,
        max_number=number_max,
        salt_length=16,
        hmac_key=_key(peppers),
        salt="",
        number=None,
        expires=now + timedelta(seconds=EXPIRES_S),
        params=None,
    )
    return Challenge(
        algorithm=made.algorithm,
        challenge=made.challenge,
        maxnumber=made.max_number,
        salt=made.salt,
        signature=made.signature,
    )


def check_proof(peppers: Peppers, proof: Mapping[str, Any], now: datetime) -> None:
    """Check a solution by itself; whether it was used before, `use_proof` knows. Raises ProofRefused."""
    texts = [text for name in ("challenge", "salt", "signature") if isinstance(text := proof.get(name), str)]
    number = proof.get("number")
    if len(texts) < 3 or max(map(len, texts)) > TEXT_LENGTH_MAX or type(number) is not int:
        raise ProofRefused
    if proof.get("algorithm") != ALGORITHM:
        raise ProofRefused
    challenge, salt, signature = texts
    payload = Payload(algorithm=ALGORITHM, challenge=challenge, number=number, salt=salt, signature=signature)
    is_right, _ = verify_solution(payload, _key(peppers), check_expires=False)
    if not is_right or now.timestamp() > _read_expiry(payload.salt):
        raise ProofRefused


async def use_proof(conn: Connection, peppers: Peppers, proof: Mapping[str, Any], now: datetime) -> None:
    """Check a solution and use it up. Raises ProofRefused."""
    check_proof(peppers, proof, now)
    digest = hashlib.sha256(str(proof["challenge"]).encode()).digest()
    if not await store.use_proof(conn, digest, expires_at=now + timedelta(seconds=EXPIRES_S), now=now):
        raise ProofRefused


def _read_expiry(salt: str) -> float:
    written = parse_qs(salt.partition("?")[2]).get("expires", [""])
    return float(written[0]) if len(written) == 1 and written[0].isdecimal() else 0.0


def _key(peppers: Peppers) -> str:
    return peppers.digest("proof", "altcha").hex()
