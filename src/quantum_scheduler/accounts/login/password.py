"""Passwords: what may be one, how it is stored, and how it is compared without telling who exists.

Argon2id with OWASP's floor (ASVS 5, appendix C: m=46 MiB, t=1, p=1); a strength estimate by zxcvbn (Wheeler 2016).
"""

import asyncio
import os
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn

from quantum_scheduler.accounts.login.model import LoginBusy, PasswordWeak

LENGTH_MIN = 15
LENGTH_MAX = 256
SCORE_MIN = 3
# zxcvbn refuses more; what follows can only make a password better.
SCORED_LENGTH = 72
WAITING_MAX = 64

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Argon2Cost:
    """What comparing one password costs: memory in KiB, passes, lanes."""

    memory_kib: int = 47_104
    passes: int = 1
    lanes: int = 1


DEFAULT_COST = Argon2Cost()


class PasswordPool:
    """Threads that hash and compare, as many as there are cores, with a queue that has an end. Close it."""

    def __init__(
        self,
        *,
        cost: Argon2Cost = DEFAULT_COST,
        at_once: int | None = None,
        waiting_max: int = WAITING_MAX,
        breached: Path | None = None,
    ) -> None:
        self._hasher = PasswordHasher(time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=cost.lanes)
        self._at_once = at_once or os.cpu_count() or 1
        self._threads = ThreadPoolExecutor(self._at_once, thread_name_prefix="password")
        self._waiting_max = waiting_max
        self._waiting = 0
        self._breached = breached
        self._decoy: str | None = None

    async def hash(self, password: str) -> str:
        """Hash a password for storing. Raises LoginBusy."""
        return await self._run(self._hasher.hash, password)

    async def compare(self, stored: str | None, password: str) -> bool:
        """Say whether a password is the stored one; where none is stored, as much work is done. Raises LoginBusy."""
        return await self._run(self._compare, stored, password)

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash was made at another cost than new ones are."""
        return self._hasher.check_needs_rehash(stored)

    async def check(self, password: str, *, own_words: Sequence[str]) -> None:
        """Check that a new password will do; `own_words` are what its owner is called.

        Raises PasswordWeak, LoginBusy.
        """
        await self._run(check_password, password, own_words, self._breached)

    def close(self) -> None:
        """Stop the threads once they are done."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _compare(self, stored: str | None, password: str) -> bool:
        if self._decoy is None:
            self._decoy = self._hasher.hash(secrets.token_hex())
        try:
            self._hasher.verify(stored or self._decoy, password)
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None

    async def _run(self, function: Callable[..., T], *arguments: object) -> T:
        if self._waiting >= self._at_once + self._waiting_max:
            raise LoginBusy
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)
        finally:
            self._waiting -= 1


def check_password(password: str, own_words: Sequence[str], breached: Path | None = None) -> None:
    """Check that a new password will do. Raises PasswordWeak.

    There are no rules of composition: length, no known breach, and not guessed soon.
    """
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
        raise PasswordWeak(f"a password has {LENGTH_MIN} to {LENGTH_MAX} characters; four random words will do")
    if password.lower() in read_breached(breached):
        raise PasswordWeak("this password is known from a breach: choose one that you use nowhere else")
    guessed = zxcvbn(password[:SCORED_LENGTH], user_inputs=[*own_words, "quantum", "scheduler", "quantum-scheduler"])
    if guessed["score"] < SCORE_MIN:
        advice = " ".join([guessed["feedback"]["warning"], *guessed["feedback"]["suggestions"]]).strip()
        raise PasswordWeak(f"this password is guessed too soon. {advice}".strip())


@lru_cache(maxsize=2)
def read_breached(own: Path | None) -> frozenset[str]:
    """Read the shipped list of breached passwords, and one's own, in lower case."""
    shipped = files("quantum_scheduler.accounts.login") / "data" / "breached.txt"
    text = shipped.read_text(encoding="utf-8") + ("" if own is None else own.read_text(encoding="utf-8"))
    return frozenset(line.lower() for line in text.splitlines() if line and not line.startswith("#"))
