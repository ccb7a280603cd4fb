"""Let a request through the layers in turn: its network, its key, its organisation, and how many at once."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

import structlog

from quantum_scheduler.accounts.limits.local import LocalBuckets
from quantum_scheduler.accounts.limits.model import Layer, LimitRefused, LimitSettings, Rate, RateLimited, Standing
from quantum_scheduler.accounts.limits.remember import RefusedLately
from quantum_scheduler.accounts.limits.store import bucket as store
from quantum_scheduler.accounts.limits.store.bucket import CallerStanding
from quantum_scheduler.accounts.model import Principal
from quantum_scheduler.postgres.connect import Connection, Pool, transient
from quantum_scheduler.postgres.model import DatabaseUnavailable

# So long a request waits for the database, and so long none asks it once it did not answer.
TIMEOUT_S = 2.0
AWAY_S = 1.0
PLANS_REMEMBERED_MAX = 1_000
# What a plan allows that this process has not heard of when the database is away.
CAUTIOUS = Rate(requests=600, window_s=60)
CAUTIOUS_AT_ONCE = 50
RETRY_AT_ONCE_S = 1.0

T = TypeVar("T")
log = structlog.get_logger(__name__)


class Gate:
    """What decides about every request of this process: the database's buckets, or its own while that is away."""

    def __init__(self, pool: Pool, settings: LimitSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._settings = settings
        self._clock = clock
        self._local = LocalBuckets(clock)
        self._refused = RefusedLately(clock)
        self._plans: dict[str, tuple[Rate, Rate, int]] = {}
        self._at_once: Counter[UUID] = Counter()
        self._away_until = 0.0

    def visit(self, network: str) -> "Visit":
        """A request from a network."""
        return Visit(self, network)

    async def ask_network(self, network: str) -> Standing:
        """Take a request from the bucket of a network."""
        rate = self._settings.network
        standing = await self._ask(lambda conn: store.take_of_network(conn, network, rate))
        return standing or self._local.take("network", network, rate.divide(self._settings.replicas))

    async def ask_caller(self, principal: Principal) -> CallerStanding:
        """Take a request from the bucket of a key or person and from that of their organisation."""
        opener, org_id = _name_opener(principal), principal.org_id
        standing = await self._ask(lambda conn: store.take_of_caller(conn, principal.plan, opener, org_id))
        if standing is None:
            return self._take_here(principal)
        if len(self._plans) < PLANS_REMEMBERED_MAX and standing.organisation is not None:
            rates = (standing.key.rate, standing.organisation.rate)
            self._plans[principal.plan] = (*rates, standing.requests_at_once)
        return standing

    def recall(self, layer: Layer, name: object) -> Standing | None:
        """How a bucket stands if it is known to refuse. Raises AbnormalUsageDetected."""
        return self._refused.recall(f"{layer}:{name}")

    def refuse(self, name: object, *standings: Standing) -> None:
        """Refuse a request as the last of its standings does, and remember that for a moment. Raises RateLimited."""
        if standings[-1].layer != "at-once":
            self._refused.note(f"{standings[-1].layer}:{name}", standings[-1])
        self.tell(RateLimited(*standings))

    def tell(self, refusal: LimitRefused) -> None:
        """Raise a refusal, or in shadow only log it."""
        if not self._settings.is_shadow:
            raise refusal
        log.info("limit.shadowed", reason=str(refusal))

    def enter(self, org_id: UUID) -> int:
        """Count one more request of an organisation that is being answered, and say how many there are."""
        self._at_once[org_id] += 1
        return self._at_once[org_id]

    def leave(self, org_id: UUID) -> None:
        """Count one less."""
        self._at_once[org_id] -= 1
        if not self._at_once[org_id]:
            del self._at_once[org_id]

    def _take_here(self, principal: Principal) -> CallerStanding:
        key, organisation, at_once = self._plans.get(principal.plan, (CAUTIOUS, CAUTIOUS, CAUTIOUS_AT_ONCE))
        replicas = self._settings.replicas
        of_key = self._local.take("key", str(_name_opener(principal)), key.divide(replicas))
        is_refused = of_key.retry_after_s is not None
        return CallerStanding(
            key=of_key,
            organisation=None
            if is_refused
            else self._local.take("organisation", str(principal.org_id), organisation.divide(replicas)),
            requests_at_once=at_once,
        )

    async def _ask(self, question: Callable[[Connection], Awaitable[T]]) -> T | None:
        """Ask the database; None while it is away."""
        if self._clock() < self._away_until:
            return None
        try:
            async with asyncio.timeout(TIMEOUT_S), self._pool.acquire() as conn:
                return await question(conn)
        except Exception as error:
            if not isinstance(error, DatabaseUnavailable) and not transient(error):
                raise
            log.warning("limit.database_away", reason=str(error) or type(error).__name__)
            self._away_until = self._clock() + AWAY_S
            return None


class Visit:
    """One request on its way: which layers it has passed, and how they stand.

    `is_shadowed` says that it would have been refused.
    """

    def __init__(self, gate: Gate, network: str) -> None:
        self._gate = gate
        self._network = network
        self._is_counted = False
        self.standings: list[Standing] = []
        self.org_id: UUID | None = None
        self.is_shadowed = False

    async def knock(self) -> None:
        """Pass the layer of the network. Raises RateLimited."""
        known = self._recall("network", self._network)
        self._pass(self._network, known or await self._gate.ask_network(self._network))

    async def admit(self, principal: Principal) -> None:
        """Pass the layers of who is asking. Raises RateLimited, AbnormalUsageDetected."""
        opener, self.org_id = _name_opener(principal), principal.org_id
        known = self._recall("key", opener) or self._recall("organisation", principal.org_id)
        if known is not None:
            self._pass(opener if known.layer == "key" else principal.org_id, known)
            return
        asked = await self._gate.ask_caller(principal)
        self._pass(opener, asked.key)
        if asked.organisation is not None:
            self._pass(principal.org_id, asked.organisation)
        self._count(principal.org_id, asked.requests_at_once)

    def leave(self) -> None:
        """Say that the request has been answered."""
        if self._is_counted and self.org_id is not None:
            self._gate.leave(self.org_id)
            self._is_counted = False

    def _count(self, org_id: UUID, at_once_max: int) -> None:
        if self._is_counted:
            return
        at_once = self._gate.enter(org_id)
        self._is_counted = True
        if at_once > at_once_max:
            rate = Rate(requests=at_once_max, window_s=1)
            full = Standing(layer="at-once", rate=rate, remaining=0, full_after_s=0, retry_after_s=RETRY_AT_ONCE_S)
            self._pass(org_id, full)

    def _recall(self, layer: Layer, name: object) -> Standing | None:
        try:
            return self._gate.recall(layer, name)
        except LimitRefused as refusal:
            self.is_shadowed = True
            self._gate.tell(refusal)
            return None

    def _pass(self, name: object, standing: Standing) -> None:
        self.standings.append(standing)
        if standing.retry_after_s is not None:
            self.is_shadowed = True
            self._gate.refuse(name, *self.standings)


def _name_opener(principal: Principal) -> UUID:
    """The key or the person that opened the door."""
    return principal.key_id or principal.user_id or principal.org_id
