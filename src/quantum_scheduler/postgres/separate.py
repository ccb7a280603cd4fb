"""The second wall between organisations: the database itself shows a customer's request the rows of one only.

The first wall is that every statement names the organisation. Behind it, requests run as a role without rights of its
own, under policies of row-level security that compare `org_id` with the setting `app.org`. Workers, commands and
whatever else owns the tables pass by; policies cost them nothing.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from uuid import UUID

import structlog

from quantum_scheduler.postgres.connect import Connection, Pool

CUSTOMER_ROLE = "quantum_scheduler_customer"
# What no customer's request has any business with; what people and keys are is asked for by the owner.
CLOSED = (
    "access_token_key",
    "alert",
    "api_key",
    "api_process",
    "audit_entry",
    "audit_head",
    "backend_health",
    "backend_share",
    "breaker",
    "breaker_event",
    "cron",
    "detected_signal",
    "drill",
    "drill_ground",
    "escalation",
    "incident",
    "incident_answer",
    "incident_event",
    "incident_item",
    "invitation",
    "lane",
    "login_attempt",
    "login_budget",
    "login_device",
    "login_link",
    "login_network",
    "login_policy",
    "login_proof",
    "login_session",
    "maintenance",
    "membership",
    "metric_cursor",
    "metric_name",
    "metric_sample",
    "notification",
    "oidc_login",
    "oncall_level",
    "oncall_override",
    "oncall_person",
    "oncall_role",
    "oncall_rotation",
    "pepper",
    "person",
    "rate_bucket",
    "rate_multiplier",
    "request_slot",
    "request_total",
    "routing_environment",
    "routing_override",
    "run",
    "run_event",
    "schema_migration",
    "secret",
    "signal",
    "solve_total",
    "status_change",
    "status_component",
    "status_subscriber",
    "status_update",
    "step",
    "takeover_count",
    "upstream_quota",
    "worker",
    "worker_scale",
)
# What is of no organisation and may be read by all.
SHARED = ("plan", "plan_quota")
# Rows that belong to an organisation through another row.
THROUGH = {"job_result": ("job", "job_id"), "job_event": ("job", "job_id"), "quantum_attempt": ("job", "job_id")}

MAKE_ROLE = f"""
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{CUSTOMER_ROLE}') THEN
        CREATE ROLE {CUSTOMER_ROLE} NOLOGIN;
    END IF;
    IF NOT pg_has_role(current_user, '{CUSTOMER_ROLE}', 'SET') THEN
        EXECUTE format('GRANT {CUSTOMER_ROLE} TO %I WITH SET TRUE, INHERIT FALSE', current_user);
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN
    NULL;
END $$
"""
HAS_ROLE = """
SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1 AND pg_has_role(current_user, oid, 'SET'))
"""
LIST_UNGRANTED = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname <> ALL($2::text[])
    AND NOT has_table_privilege($1, oid, 'SELECT, INSERT, UPDATE, DELETE')
    AND pg_has_role(current_user, relowner, 'USAGE')
ORDER BY relname
"""
# What an earlier release had granted and this one closes.
LIST_OVERGRANTED = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND pg_has_role(current_user, relowner, 'USAGE')
    AND ((relname = ANY($2::text[]) AND has_table_privilege($1, oid, 'SELECT, INSERT, UPDATE, DELETE'))
        OR (relname = ANY($3::text[]) AND has_table_privilege($1, oid, 'INSERT, UPDATE, DELETE')))
ORDER BY relname
"""
LIST_OPEN = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relrowsecurity
    AND pg_has_role(current_user, relowner, 'USAGE')
    AND (relname = ANY($1::text[]) OR relname = 'organisation' OR EXISTS (
        SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'org_id' AND NOT attisdropped
    ))
ORDER BY relname
"""
# A view shows what its owner may see, unless it is told to ask who looks.
LIST_VIEWS = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'v' AND pg_has_role(current_user, relowner, 'USAGE')
    AND NOT (coalesce(reloptions, '{}') @> '{security_invoker=true}' AND has_table_privilege($1, oid, 'SELECT'))
ORDER BY relname
"""
ENTER = "SELECT set_config('app.org', $1, true), set_config('role', $2, true)"
_OWN = "nullif(current_setting('app.org', true), '')::uuid"

log = structlog.get_logger(__name__)


async def separate_rows(conn: Connection) -> None:
    """Put every table behind the wall that belongs there. Joins the caller's transaction; may be done twice.

    Where this user of the database may not make roles, an administrator makes the one that is named in the warning.
    """
    if not await conn.fetchval(HAS_ROLE, CUSTOMER_ROLE):
        await conn.execute(MAKE_ROLE)
    if not await conn.fetchval(HAS_ROLE, CUSTOMER_ROLE):
        log.warning("postgres.rows_not_separated", missing_role=CUSTOMER_ROLE)
        return
    for row in await conn.fetch(LIST_OPEN, list(THROUGH)):
        table = row["relname"]
        await conn.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
        await conn.execute(f'CREATE POLICY one_organisation ON "{table}" {_write_policy(table)}')
    await conn.execute(f"GRANT USAGE ON SCHEMA public TO {CUSTOMER_ROLE}")
    for row in await conn.fetch(LIST_OVERGRANTED, CUSTOMER_ROLE, CLOSED, SHARED):
        await conn.execute(f'REVOKE ALL ON "{row["relname"]}" FROM {CUSTOMER_ROLE}')
    for row in await conn.fetch(LIST_UNGRANTED, CUSTOMER_ROLE, CLOSED):
        rights = "SELECT" if row["relname"] in SHARED else "SELECT, INSERT, UPDATE, DELETE"
        await conn.execute(f'GRANT {rights} ON "{row["relname"]}" TO {CUSTOMER_ROLE}')
    for row in await conn.fetch(LIST_VIEWS, CUSTOMER_ROLE):
        await conn.execute(f'ALTER VIEW "{row["relname"]}" SET (security_invoker = true)')
        await conn.execute(f'GRANT SELECT ON "{row["relname"]}" TO {CUSTOMER_ROLE}')


def _write_policy(table: str) -> str:
    if table in THROUGH:
        parent, column = THROUGH[table]
        # A job comes with its first event in one statement, which cannot see the job yet.
        return f'USING (EXISTS (SELECT FROM "{parent}" WHERE "{parent}".id = "{table}"."{column}")) WITH CHECK (true)'
    return f"USING ({'id' if table == 'organisation' else 'org_id'} = {_OWN})"


class RowWall:
    """Lends connections that see the rows of one organisation only: `wall.of(org_id).acquire()`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._role: str | None = None

    def of(self, org_id: UUID) -> "OrganisationPool":
        """What the requests of one organisation take their connections from."""
        return OrganisationPool(self, org_id)

    @asynccontextmanager
    async def enter(self, org_id: UUID) -> AsyncIterator[Connection]:
        """Lend a connection inside a transaction that is committed when the block is left without an error."""
        async with self._pool.acquire() as conn, conn.transaction():
            if self._role is None:
                has_role = await conn.fetchval(HAS_ROLE, CUSTOMER_ROLE)
                self._role = CUSTOMER_ROLE if has_role else await conn.fetchval("SELECT current_user")
            await conn.execute(ENTER, str(org_id), self._role)
            yield conn


class OrganisationPool:
    """As much of a pool as requests use: `async with pool.acquire() as conn`, each time in a transaction."""

    def __init__(self, wall: RowWall, org_id: UUID) -> None:
        self._wall = wall
        self._org_id = org_id

    def acquire(self) -> AbstractAsyncContextManager[Connection]:
        """Lend a connection behind the wall."""
        return self._wall.enter(self._org_id)
