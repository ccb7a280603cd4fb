"""Customers' jobs while a drill goes on, through the real door, and what became of each."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from random import Random
from typing import Any
from uuid import uuid4

import httpx2

from quantum_scheduler.drills.model import Tally

VARIABLES = 6
TIME_LIMIT_S = 1.0
TIMEOUT_S = 30.0
# So many at once ask for their answers.
ASKING_MAX = 8
LOOK_EVERY_S = 1.0
FINAL = frozenset({"succeeded", "failed", "cancelled"})
LOST_LISTED_MAX = 100


class Load:
    """A steady stream of small jobs for one backend."""

    def __init__(self, http: httpx2.AsyncClient, *, backend: str, jobs_per_s: float, chance: Random) -> None:
        self._http = http
        self._backend = backend
        self._pause_s = 1.0 / jobs_per_s
        self._chance = chance
        self._sent = 0
        self._refused = 0
        self._waiting: dict[str, None] = {}
        self._answered = 0
        self._lost: list[str] = []

    async def run(self) -> None:
        """Submit until cancelled."""
        while True:
            await self.submit()
            await asyncio.sleep(self._pause_s)

    async def burst(self, jobs: int) -> None:
        """Submit so many at once."""
        for _ in range(jobs):
            await self.submit()

    async def submit(self) -> bool:
        """Submit one job; only one that was acknowledged counts later. Returns whether it was."""
        self._sent += 1
        with suppress(httpx2.HTTPError):
            key = {"Idempotency-Key": f"drill-{uuid4()}"}
            answer = await self._http.post("/v1/jobs", json=self._write_request(), headers=key)
            if answer.is_success:
                self._waiting[str(answer.json()["id"])] = None
                return True
        self._refused += 1
        return False

    async def settle(self, *, within_s: float) -> Tally:
        """Wait until every acknowledged job has ended, and count; one that has no verified answer by then is lost."""
        acknowledged = len(self._waiting)
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._look_until_answered()
        lost = [*self._lost, *self._waiting]
        return Tally(
            sent=self._sent,
            refused=self._refused,
            acknowledged=acknowledged,
            answered=self._answered,
            lost=tuple(lost[:LOST_LISTED_MAX]),
        )

    async def _look_until_answered(self) -> None:
        while self._waiting:
            await self._look()
            await asyncio.sleep(LOOK_EVERY_S if self._waiting else 0.0)

    async def _look(self) -> None:
        """Ask for every job that has not ended."""
        asking = asyncio.Semaphore(ASKING_MAX)

        async def ask(job_id: str) -> None:
            async with asking:
                with suppress(httpx2.HTTPError):
                    answer = await self._http.get(f"/v1/jobs/{job_id}")
                    if answer.is_success:
                        self._judge(job_id, answer.json())

        await asyncio.gather(*(ask(each) for each in list(self._waiting)))

    def _judge(self, job_id: str, job: Mapping[str, Any]) -> None:
        if job["state"] not in FINAL:
            return
        del self._waiting[job_id]
        if job["state"] == "succeeded" and (job["result"] or {}).get("verified"):
            self._answered += 1
        else:
            self._lost.append(job_id)

    def _write_request(self) -> dict[str, Any]:
        names = [f"x{place}" for place in range(VARIABLES)]
        pairs = [(a, b) for place, a in enumerate(names) for b in names[place + 1 :]]
        return {
            "problem": {
                "kind": "binary",
                "linear": [[name, self._chance.randint(-9, 9)] for name in names],
                "quadratic": [[a, b, self._chance.randint(-9, 9)] for a, b in pairs],
            },
            "name": "drill",
            "backend": self._backend,
            "time_limit_s": TIME_LIMIT_S,
            "use_cache": False,
        }


def open_http(url: str, key: str | None) -> httpx2.AsyncClient:
    """Open what the load is sent with."""
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return httpx2.AsyncClient(base_url=url, headers=headers, timeout=TIMEOUT_S, trust_env=False)
