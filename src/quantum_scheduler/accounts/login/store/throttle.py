"""The statements on attempts, budgets and networks."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from quantum_scheduler.accounts.login.model import ThrottlePolicy
from quantum_scheduler.postgres.connect import Connection

# Attempts from one network are judged one after the other.
LOCK_NETWORK = "SELECT pg_advisory_xact_lock(hashtextextended('login ' || $1, 0))"

FIND_BLOCK = "SELECT blocked_until FROM login_network WHERE network = $1 AND blocked_until > $2"

FIND_BUDGET = "SELECT failures, next_at FROM login_budget WHERE name_digest = $1"

# Taken before the password is compared, so that a hundred attempts at once are a hundred attempts.
CHARGE_BUDGET = """
INSERT INTO login_budget AS budget (name_digest, user_id, failures, next_at) VALUES ($1, $2, 1, $3)
ON CONFLICT (name_digest) DO UPDATE SET
    user_id = $2, failures = budget.failures + 1, next_at = $3 + interval '1 second' * CASE
        WHEN budget.failures + 1 < $4 THEN 0
        ELSE least($5 * 2.0 ^ least(budget.failures + 1 - $4, 30), $6)
    END
WHERE budget.failures < $7 AND budget.next_at <= $3 AND ($8 OR budget.failures < $4)
RETURNING failures
"""

CLEAR_BUDGET = "DELETE FROM login_budget WHERE name_digest = $1"

CLEAR_BUDGETS_OF = "DELETE FROM login_budget WHERE user_id = $1 RETURNING name_digest"

CHARGE_DEVICE = """
UPDATE login_device SET failures = failures + 1, next_at = $4 + interval '1 second' * CASE
    WHEN failures + 1 < $5 THEN 0 ELSE least($6 * 2.0 ^ least(failures + 1 - $5, 30), $7)
END
WHERE id = $1 AND user_id = $2 AND digest = $3 AND expires_at > $4 AND failures < $8
    AND coalesce(next_at <= $4, true)
RETURNING id
"""

FIND_DEVICE = """
SELECT next_at FROM login_device
WHERE id = $1 AND user_id = $2 AND digest = $3 AND expires_at > $4 AND failures < $5
"""

CLEAR_DEVICE = "UPDATE login_device SET failures = 0, next_at = NULL WHERE id = $1"

INSERT_DEVICE = """
INSERT INTO login_device (id, user_id, digest, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)
"""

FORGET_DEVICES = "DELETE FROM login_device WHERE user_id = $1"

INSERT_ATTEMPT = "INSERT INTO login_attempt (at, network, name_digest) VALUES ($1, $2, $3) RETURNING id"

# What is still compared counts as failed, so that many attempts at once are judged as in turn.
JUDGE_NETWORK = """
SELECT count(DISTINCT name_digest) AS names, count(*) AS attempts, count(*) FILTER (WHERE outcome <> 'ok') AS failures
FROM login_attempt WHERE network = $1 AND at > $2
"""

BLOCK_NETWORK = """
INSERT INTO login_network AS network (network, blocked_until, reason) VALUES ($1, $2, $3)
ON CONFLICT (network) DO UPDATE SET blocked_until = greatest(network.blocked_until, $2), reason = $3
"""

UNBLOCK_NETWORK = "DELETE FROM login_network WHERE network = $1 AND ($2::text IS NULL OR reason = $2) RETURNING network"

FINISH_ATTEMPT = "UPDATE login_attempt SET outcome = $2 WHERE id = $1"

COUNT_OUTCOMES = """
SELECT count(*) FILTER (WHERE outcome = 'ok') AS ok, count(*) FILTER (WHERE outcome = 'bad') AS bad
FROM login_attempt WHERE at > $1 AND at <= $2
"""

COUNT_WRONG = """
SELECT count(*) FROM login_attempt WHERE outcome = 'bad' AND at > now() - $1 * interval '1 second'
"""

COUNT_FAILURES = """
WITH compared AS (
    SELECT network, name_digest, outcome FROM login_attempt WHERE at > $1 AND at <= $2 AND outcome <> 'pending'
), top AS (
    SELECT network, count(*) AS failures FROM compared WHERE outcome = 'bad' GROUP BY network ORDER BY 2 DESC, 1 LIMIT 1
)
SELECT count(*) AS attempts, count(*) FILTER (WHERE outcome = 'bad') AS failures,
    count(DISTINCT network) FILTER (WHERE outcome = 'bad') AS networks,
    count(DISTINCT name_digest) FILTER (WHERE outcome = 'bad') AS names,
    coalesce((SELECT network FROM top), '') AS top_network, coalesce((SELECT failures FROM top), 0) AS top_failures
FROM compared
"""

COUNT_LOCKED = "SELECT count(*) FROM login_budget WHERE user_id IS NOT NULL AND failures >= $1"

COUNT_BLOCKED_NETWORKS = "SELECT count(*) FROM login_network WHERE blocked_until > $1"

IS_PROOF_REQUIRED = "SELECT coalesce(proof_until > $1, false) FROM login_policy"

REQUIRE_PROOF = "UPDATE login_policy SET proof_until = $1 WHERE proof_until IS DISTINCT FROM $1 RETURNING id"

USE_PROOF = "INSERT INTO login_proof (digest, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING digest"

FORGET_PROOFS = """
DELETE FROM login_proof WHERE digest IN (SELECT digest FROM login_proof WHERE expires_at < $1 LIMIT 100)
"""

# Names that nobody has need no memory once they have been left alone for as long as anything is looked back at.
FORGET_BUDGETS = """
DELETE FROM login_budget WHERE name_digest IN (
    SELECT name_digest FROM login_budget WHERE user_id IS NULL AND next_at < $1 LIMIT 100
)
"""

FORGET_ATTEMPTS = """
DELETE FROM login_attempt WHERE id IN (SELECT id FROM login_attempt WHERE at < $1 ORDER BY at LIMIT 100)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRecord:
    """What a network has tried lately."""

    names: int
    attempts: int
    failures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginCounts:
    """The passwords that were compared, those that were wrong, and from how many networks for how many names."""

    attempts: int
    failures: int
    networks: int
    names: int
    top_network: str
    top_failures: int


async def lock_network(conn: Connection, network: str) -> None:
    """Make every other transaction that judges this network wait until this one ends."""
    await conn.execute(LOCK_NETWORK, network)


async def find_block(conn: Connection, network: str, now: datetime) -> datetime | None:
    """Until when a network is blocked, if it is."""
    until: datetime | None = await conn.fetchval(FIND_BLOCK, network, now)
    return until


async def find_budget(conn: Connection, name_digest: bytes) -> tuple[int, datetime] | None:
    """How often a name has failed from devices that are not trusted, and when it may be tried next."""
    row = await conn.fetchrow(FIND_BUDGET, name_digest)
    return None if row is None else (row["failures"], row["next_at"])


async def charge_budget(
    conn: Connection, name_digest: bytes, user_id: UUID | None, now: datetime, policy: ThrottlePolicy, *, proven: bool
) -> bool:
    """Take one attempt from the budget of a name; False where it has none to give at this time."""
    failures = await conn.fetchval(
        CHARGE_BUDGET,
        name_digest,
        user_id,
        now,
        policy.free_failures,
        policy.delay_first_s,
        policy.delay_max_s,
        policy.failures_max,
        proven,
    )
    return failures is not None


async def clear_budget(conn: Connection, name_digest: bytes) -> None:
    """Give a name its whole budget back."""
    await conn.execute(CLEAR_BUDGET, name_digest)


async def clear_budgets_of(conn: Connection, user_id: UUID) -> bool:
    """Give a person their whole budget back; False where nothing of it was spent."""
    return bool(await conn.fetch(CLEAR_BUDGETS_OF, user_id))


async def charge_device(
    conn: Connection, device_id: UUID, user_id: UUID, digest: bytes, now: datetime, policy: ThrottlePolicy
) -> bool:
    """Take one attempt from the budget of a trusted device; False where it is none or has none to give."""
    charged = await conn.fetchval(
        CHARGE_DEVICE,
        device_id,
        user_id,
        digest,
        now,
        policy.free_failures,
        policy.delay_first_s,
        policy.delay_max_s,
        policy.failures_max,
    )
    return charged is not None


async def find_device_wait(
    conn: Connection, device_id: UUID, user_id: UUID, digest: bytes, now: datetime, policy: ThrottlePolicy
) -> datetime | None:
    """When a trusted device may try next; None where it is not trusted (any more)."""
    at: datetime | None = await conn.fetchval(FIND_DEVICE, device_id, user_id, digest, now, policy.failures_max)
    return at


async def clear_device(conn: Connection, device_id: UUID) -> None:
    """Give a device its whole budget back."""
    await conn.execute(CLEAR_DEVICE, device_id)


async def insert_device(
    conn: Connection, device_id: UUID, user_id: UUID, digest: bytes, now: datetime, *, days: int
) -> None:
    """Trust one more device."""
    await conn.execute(INSERT_DEVICE, device_id, user_id, digest, now, now + timedelta(days=days))


async def forget_devices(conn: Connection, user_id: UUID) -> None:
    """Trust no device of a person any more."""
    await conn.execute(FORGET_DEVICES, user_id)


async def insert_attempt(conn: Connection, at: datetime, network: str, name_digest: bytes) -> int:
    """Write down that a password is being compared."""
    return int(await conn.fetchval(INSERT_ATTEMPT, at, network, name_digest))


async def finish_attempt(conn: Connection, attempt_id: int, *, is_right: bool) -> None:
    """Write down how it went."""
    await conn.execute(FINISH_ATTEMPT, attempt_id, "ok" if is_right else "bad")


async def judge_network(conn: Connection, network: str, *, since: datetime) -> NetworkRecord:
    """What a network has tried since then."""
    row = await conn.fetchrow(JUDGE_NETWORK, network, since)
    assert row is not None, "an aggregate has one row"
    return NetworkRecord(**row)


async def block_network(conn: Connection, network: str, *, until: datetime, reason: str) -> None:
    """Refuse what comes from a network, until then at least."""
    await conn.execute(BLOCK_NETWORK, network, until, reason)


async def unblock_network(conn: Connection, network: str, *, reason: str | None = None) -> bool:
    """Let a network in again, if it was blocked for this reason or, without one, for any."""
    return await conn.fetchval(UNBLOCK_NETWORK, network, reason) is not None


async def count_outcomes(conn: Connection, *, since: datetime, until: datetime) -> tuple[int, int]:
    """How many compared passwords were right and how many wrong."""
    row = await conn.fetchrow(COUNT_OUTCOMES, since, until)
    assert row is not None, "an aggregate has one row"
    return row["ok"], row["bad"]


async def count_wrong(conn: Connection, *, since_s: float) -> int:
    """How many compared passwords were wrong in the time before now."""
    return int(await conn.fetchval(COUNT_WRONG, since_s))


async def count_failures(conn: Connection, *, since: datetime, until: datetime) -> LoginCounts:
    """Count the wrong passwords by where they came from and whose they were to be."""
    row = await conn.fetchrow(COUNT_FAILURES, since, until)
    assert row is not None, "an aggregate has one row"
    return LoginCounts(**row)


async def count_locked(conn: Connection, failures_max: int) -> int:
    """How many people may log in from trusted devices only."""
    return int(await conn.fetchval(COUNT_LOCKED, failures_max))


async def count_blocked_networks(conn: Connection, now: datetime) -> int:
    """How many networks are blocked."""
    return int(await conn.fetchval(COUNT_BLOCKED_NETWORKS, now))


async def is_proof_required(conn: Connection, now: datetime) -> bool:
    """Whether somebody has asked for proofs of work for the time being."""
    return bool(await conn.fetchval(IS_PROOF_REQUIRED, now))


async def require_proof(conn: Connection, until: datetime | None) -> bool:
    """Ask for proofs of work until then, or with None no more; False where it was so already."""
    return await conn.fetchval(REQUIRE_PROOF, until) is not None


async def use_proof(conn: Connection, digest: bytes, *, expires_at: datetime, now: datetime) -> bool:
    """Use a proof of work up; False where it was used before. Forgets a few that could not be used any more."""
    await conn.execute(FORGET_PROOFS, now)
    return await conn.fetchval(USE_PROOF, digest, expires_at) is not None


async def forget_attempts(conn: Connection, *, before: datetime) -> None:
    """Forget some of the attempts that are older than anybody asks for, and of the names that nobody has."""
    await conn.execute(FORGET_ATTEMPTS, before)
    await conn.execute(FORGET_BUDGETS, before)
